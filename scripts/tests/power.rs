//! Power cuts at any moment of a backup, a delta, a prune or a restore.
//!
//! A tool is run once and every operation on its files written down; what a disk may hold after a
//! cut is then worked out as often as is wanted, and the app's first steps are taken on it.
//! `CHATKEEP_POWER_CUTS` says how often (default 200 a case), `CHATKEEP_FAULT_SEED` from which seed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has nothing else to do"
)]

mod common;
#[path = "common/disk.rs"]
mod disk;

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use common::{Chats, assert_backups_sound, copy_tree, fault_library, names, tool};
use disk::{Disk, Op, Random, read_trace};

struct Case {
    name: &'static str,
    tool: &'static str,
    arguments: &'static [&'static str],
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// How many backups there are before it, at least during it, and after it.
    backups: (usize, usize, usize),
}

const CREATE: Case = Case {
    name: "create",
    tool: "backup-db",
    arguments: &["--verify", "standard", "--no-prune"],
    before: &["Coffee", "Tea"],
    after: &["Coffee", "Tea"],
    backups: (1, 1, 2),
};

const DELTA: Case = Case {
    name: "delta",
    arguments: &["--delta", "--no-prune"],
    ..CREATE
};

const PRUNE: Case = Case {
    name: "prune",
    arguments: &["prune", "--keep-last", "1"],
    backups: (5, 3, 3),
    ..CREATE
};

const ONLINE: Case = Case {
    name: "restore online",
    tool: "restore-db",
    arguments: &["latest", "--yes"],
    before: &["Coffee", "Tea"],
    after: &["Tea"],
    backups: (1, 1, 2),
};

const OFFLINE: Case = Case {
    name: "restore offline",
    arguments: &["latest", "--yes", "--offline"],
    ..ONLINE
};

/// A run that was written down.
struct Recorded {
    case: &'static Case,
    disk: Disk,
    ops: Vec<Op>,
}

fn record(case: &'static Case) -> Recorded {
    let chats = Chats::new();
    for _ in 0..case.backups.0 {
        chats
            .run("backup-db", &["--verify", "standard", "--no-prune"])
            .ok();
    }
    chats.add("Coffee");
    let trial = common::memory_folder();
    let data = trial.path().join("data");
    copy_tree(chats.folder.path(), &data);
    let disk = Disk::holding(&data);
    let trace = trial.path().join("trace");
    let output = tool(&data, case.tool)
        .args(case.arguments)
        .env("LD_PRELOAD", fault_library())
        .env("FAULT_ROOT", &data)
        .env("FAULT_TRACE", &trace)
        .output()
        .unwrap();
    common::Run::from(output).ok();
    Recorded {
        case,
        disk,
        ops: read_trace(&trace, &data),
    }
}

impl Recorded {
    /// Cuts the power after the first `done` operations, of which those in `skipped` did not happen.
    fn cut(&self, done: usize, skipped: Option<usize>, seed: u64) {
        let mut disk = self.disk.clone();
        for (at, op) in self.ops.iter().enumerate().take(done) {
            if Some(at) != skipped {
                disk.apply(op);
            }
        }
        let folder = common::memory_folder();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        disk.cut(&mut Random(seed), &data);
        self.assert_survived(&data, done, seed);
    }

    fn assert_survived(&self, data: &Path, done: usize, seed: u64) {
        let case = self.case;
        let is_done = done == self.ops.len();
        let when = format!(
            "{}, cut after {done} of {}, seed {seed}",
            case.name,
            self.ops.len()
        );
        let place = chatkeep_backup::Place::in_folder(data);
        chatkeep_backup::finish_interrupted(&place, &chatkeep_backup::Control::default())
            .unwrap_or_else(|error| panic!("{when}: {error}"));
        let chats = names(data);
        assert!(
            chats == case.after || (!is_done && chats == case.before),
            "{when}: {chats:?}"
        );
        assert_backups_sound(data, &when);
        let managed = common::backups(data)
            .iter()
            .filter(|it| it.manifest().is_some())
            .count();
        let (_, during, after) = case.backups;
        assert!(managed >= during, "{when}: a backup is gone");
        assert!(!is_done || managed == after, "{when}: {managed} backups");
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(default)
}

fn cut_everywhere(case: &'static Case) {
    let recorded = record(case);
    let seed = number("CHATKEEP_FAULT_SEED", u64::from(std::process::id()));
    let cuts = number("CHATKEEP_POWER_CUTS", 200);
    println!(
        "{}: {} operations, {cuts} cuts, seed {seed}",
        case.name,
        recorded.ops.len()
    );
    let mut random = Random(seed);
    for cut in 0..cuts {
        // Every tenth after the last operation: what was acknowledged lasts.
        let done = match cut % 10 {
            0 => recorded.ops.len(),
            _ => random.below(recorded.ops.len() + 1),
        };
        recorded.cut(done, None, seed.wrapping_add(cut));
    }
}

#[test]
fn a_power_cut_during_create_loses_nothing() {
    cut_everywhere(&CREATE);
}

#[test]
fn a_power_cut_during_a_delta_loses_nothing() {
    cut_everywhere(&DELTA);
}

#[test]
fn a_power_cut_during_a_prune_loses_nothing_that_stays() {
    cut_everywhere(&PRUNE);
}

#[test]
fn a_power_cut_during_an_online_restore_loses_nothing() {
    cut_everywhere(&ONLINE);
}

#[test]
fn a_power_cut_during_an_offline_restore_loses_nothing() {
    cut_everywhere(&OFFLINE);
}

/// The harness itself: leave out one fsync, and chats or backups are lost.
#[test]
fn without_any_one_of_these_fsyncs_something_is_lost() {
    let mut needed = Vec::new();
    for case in [&CREATE, &OFFLINE] {
        let recorded = record(case);
        (0..6).for_each(|seed| recorded.cut(recorded.ops.len(), None, seed));
        let syncs: Vec<usize> = (0..recorded.ops.len())
            .filter(|&at| recorded.ops[at].is_sync())
            .collect();
        for skipped in syncs {
            let mut random = Random(skipped as u64);
            let is_lost = (0..16).any(|seed| {
                let end = recorded.ops.len();
                let done = if seed < 6 {
                    end
                } else {
                    skipped + random.below(end - skipped)
                };
                let cut = AssertUnwindSafe(|| recorded.cut(done, Some(skipped), seed));
                panic::catch_unwind(cut).is_err()
            });
            if is_lost {
                needed.push(format!(
                    "{}: {}",
                    case.name,
                    recorded.ops[skipped].describe()
                ));
            }
        }
    }
    println!(
        "{} fsyncs without which something is lost:\n{}",
        needed.len(),
        needed.join("\n")
    );
    assert!(needed.len() >= 5, "{needed:?}");
}
