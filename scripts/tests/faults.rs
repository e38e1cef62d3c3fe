//! Every operation on a file that the tools make, failing, cut short, or the last one before the
//! process is killed: whatever happens, no backup and no chat is lost, and the next run works.
//!
//! `CHATKEEP_FAULT_STEP=7` fails every seventh operation only and kills at every fourth, from an
//! offset that is printed and that `CHATKEEP_FAULT_SEED` sets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::{Chats, Run, assert_backups_sound, copy_tree, fault_library, names, tool};

/// What a tool is asked to do, and to what.
struct Case {
    name: &'static str,
    tool: &'static str,
    arguments: &'static [&'static str],
    /// Brings a fresh data folder, with one backup of "Tea", into the state it starts from.
    begin: fn(&Chats),
    /// The chats before and after.
    before: &'static [&'static str],
    after: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case {
        name: "create",
        tool: "backup-db",
        arguments: &["--verify", "standard", "--no-prune"],
        begin: |_| (),
        before: &["Coffee", "Tea"],
        after: &["Coffee", "Tea"],
    },
    Case {
        name: "delta",
        tool: "backup-db",
        arguments: &["--delta", "--no-prune"],
        begin: |_| (),
        before: &["Coffee", "Tea"],
        after: &["Coffee", "Tea"],
    },
    Case {
        name: "prune",
        tool: "backup-db",
        arguments: &["prune", "--keep-last", "1"],
        begin: |chats| {
            for _ in 0..4 {
                chats
                    .run("backup-db", &["--verify", "standard", "--no-prune"])
                    .ok();
            }
        },
        before: &["Coffee", "Tea"],
        after: &["Coffee", "Tea"],
    },
    Case {
        name: "restore online",
        tool: "restore-db",
        arguments: &["latest", "--yes"],
        begin: |_| (),
        before: &["Coffee", "Tea"],
        after: &["Tea"],
    },
    Case {
        name: "restore offline",
        tool: "restore-db",
        arguments: &["latest", "--yes", "--offline"],
        begin: |_| (),
        before: &["Coffee", "Tea"],
        after: &["Tea"],
    },
];

/// How an operation goes wrong.
#[derive(Clone, Copy)]
struct How {
    kind: &'static str,
    sticky: bool,
}

const ERRORS: [How; 6] = [
    How {
        kind: "eio",
        sticky: false,
    },
    How {
        kind: "eio",
        sticky: true,
    },
    How {
        kind: "enospc",
        sticky: false,
    },
    How {
        kind: "enospc",
        sticky: true,
    },
    How {
        kind: "short",
        sticky: false,
    },
    How {
        kind: "short",
        sticky: true,
    },
];

fn fixture(case: &Case) -> Chats {
    let chats = Chats::new();
    chats.run("backup-db", &["--verify", "standard"]).ok();
    chats.add("Coffee");
    (case.begin)(&chats);
    chats
}

/// Runs the case's tool on `data` and lets operation `at` go wrong; 0: none.
fn run(case: &Case, data: &Path, how: How, at: usize) -> (Run, bool, usize) {
    let count = data.with_extension("count");
    let mut command = tool(data, case.tool);
    command
        .args(case.arguments)
        .env("LD_PRELOAD", fault_library())
        .env("FAULT_ROOT", data)
        .env("FAULT_AT", at.to_string())
        .env("FAULT_HOW", how.kind)
        .env("FAULT_COUNT", &count);
    if how.sticky {
        command.env("FAULT_STICKY", "1");
    }
    let output = command.output().unwrap();
    let killed = output.status.signal() == Some(9);
    let counted = fs::read_to_string(&count)
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let _ = fs::remove_file(count);
    (output.into(), killed, counted)
}

/// Every operation, or every few, of every kind of fault.
fn sweep(case: &Case, hows: &[How], step: usize) -> usize {
    let chats = fixture(case);
    let seed = seed();
    let points: Vec<(How, usize)> = hows
        .iter()
        .flat_map(|&how| {
            let trial = common::memory_folder();
            let data = trial.path().join("data");
            copy_tree(chats.folder.path(), &data);
            let (undisturbed, _, count) = run(case, &data, how, 0);
            undisturbed.ok();
            assert!(
                count > 3,
                "{} {}: only {count} operations were seen",
                case.name,
                how.kind
            );
            (1 + seed % step..=count)
                .step_by(step)
                .map(move |at| (how, at))
        })
        .collect();
    println!(
        "{}: {} points, step {step}, seed {seed}",
        case.name,
        points.len()
    );
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(&(how, at)) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_one(case, chats.folder.path(), how, at);
                }
            });
        }
    });
    points.len()
}

fn try_one(case: &Case, fixture: &Path, how: How, at: usize) {
    let trial = common::memory_folder();
    let data = trial.path().join("data");
    copy_tree(fixture, &data);
    let managed = |data: &Path| {
        let all = common::backups(data);
        all.iter()
            .filter_map(|it| Some(it.manifest()?.backup_id))
            .collect::<Vec<_>>()
    };
    let before = managed(&data);
    let (outcome, killed, _) = run(case, &data, how, at);
    let when = format!(
        "{} {}{} at {at}: {:?} {}",
        case.name,
        how.kind,
        if how.sticky { " (sticky)" } else { "" },
        outcome.code,
        outcome.stderr
    );
    match outcome.code {
        Some(0 | 1 | 3 | 10 | 11 | 13 | 20 | 21 | 24 | 25) => {}
        None if killed => {}
        _ => panic!("{when}"),
    }
    // What the app does first.
    chatkeep_backup::finish_interrupted(&place(&data), &chatkeep_backup::Control::default())
        .unwrap_or_else(|error| panic!("{when}: {error}"));
    let chats = names(&data);
    let is_success = outcome.code == Some(0);
    assert!(
        chats == case.after || (!is_success && chats == case.before),
        "{when}: {chats:?}"
    );
    assert_backups_sound(&data, &when);
    let after = managed(&data);
    if case.name != "prune" {
        assert!(
            before.iter().all(|id| after.contains(id)),
            "{when}: a backup is gone"
        );
    }
    assert!(after.len() >= before.len().min(3), "{when}");
    if is_success && case.tool == "backup-db" && case.name != "prune" {
        assert_eq!(
            after.len(),
            before.len() + 1,
            "{when}: acknowledged and not there"
        );
    }
    let again = common::run(&data, case.tool, case.arguments);
    assert_eq!(again.code, Some(0), "{when}; and again: {}", again.stderr);
    assert_eq!(names(&data), case.after, "{when}");
    assert_nothing_half_made(&data, &when);
}

fn place(data: &Path) -> chatkeep_backup::Place {
    chatkeep_backup::Place::in_folder(data)
}

fn assert_nothing_half_made(data: &Path, when: &str) {
    for entry in fs::read_dir(data.join("backups/.work")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with("tmp-"), "{when}: {name} was left");
    }
    assert!(!data.join("restore.journal.json").exists(), "{when}");
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seed() -> usize {
    number("CHATKEEP_FAULT_SEED").unwrap_or(std::process::id() as usize)
}

/// Every operation, unless it is said otherwise.
fn step() -> usize {
    number("CHATKEEP_FAULT_STEP").unwrap_or(1)
}

fn errors(case: usize) {
    sweep(&CASES[case], &ERRORS, step());
}

fn kills(case: usize) {
    let kill = How {
        kind: "kill",
        sticky: false,
    };
    // There are fewer kills than errors, so that more of them are tried.
    let count = sweep(&CASES[case], &[kill], step().div_ceil(2));
    println!("{count} times killed");
}

#[test]
fn a_failing_disk_during_create_loses_nothing() {
    errors(0);
}

#[test]
fn a_failing_disk_during_a_delta_loses_nothing() {
    errors(1);
}

#[test]
fn a_failing_disk_during_prune_loses_nothing() {
    errors(2);
}

#[test]
fn a_failing_disk_during_an_online_restore_loses_nothing() {
    errors(3);
}

#[test]
fn a_failing_disk_during_an_offline_restore_loses_nothing() {
    errors(4);
}

#[test]
fn a_killed_create_loses_nothing() {
    kills(0);
}

#[test]
fn a_killed_delta_loses_nothing() {
    kills(1);
}

#[test]
fn a_killed_prune_loses_nothing() {
    kills(2);
}

#[test]
fn a_killed_online_restore_loses_nothing() {
    kills(3);
}

#[test]
fn a_killed_offline_restore_loses_nothing() {
    kills(4);
}
