//! Power cuts on a real file system: ext4 on an image, which is copied at the moment of the cut with
//! everything that had reached it, and only that; the copy is then mounted as a machine does that
//! was switched on again.
//!
//! `CHATKEEP_LOOP_CUTS` says how many cuts a case (default 12), `CHATKEEP_FAULT_SEED` where they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has nothing else to do"
)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Chats, Mounted, assert_backups_sound, copy_tree, fault_library, names, tool};

const IMAGE_BYTES: u64 = 48 << 20;

struct Case {
    tool: &'static str,
    arguments: &'static [&'static str],
    after: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        tool: "backup-db",
        arguments: &["--verify", "standard", "--no-prune"],
        after: &["Coffee", "Tea"],
    },
    Case {
        tool: "backup-db",
        arguments: &["--delta", "--no-prune"],
        after: &["Coffee", "Tea"],
    },
    Case {
        tool: "restore-db",
        arguments: &["latest", "--yes"],
        after: &["Tea"],
    },
    Case {
        tool: "restore-db",
        arguments: &["latest", "--yes", "--offline"],
        after: &["Tea"],
    },
];

/// How a run on the image ends.
#[derive(Clone, Copy)]
enum End {
    /// Killed at an operation, with the power cut right after.
    At(usize),
    /// With its work done, and the power cut right after.
    Done,
    /// The same, but every fsync does nothing: the disk that this test must not let pass.
    DoneWithoutSync,
}

/// An image with a data folder on it: one backup of "Tea", and "Coffee" since.
struct Image {
    folder: tempfile::TempDir,
}

impl Image {
    fn new() -> Option<Self> {
        let image = Self {
            folder: common::memory_folder(),
        };
        let file = fs::File::create(image.path("begin")).unwrap();
        file.set_len(IMAGE_BYTES).unwrap();
        let made = Command::new("mkfs.ext4")
            .arg("-q")
            .arg(image.path("begin"))
            .output();
        if !made.is_ok_and(|it| it.status.success()) {
            return None;
        }
        let mounted = image.mount("begin")?;
        let chats = Chats::new();
        chats.run("backup-db", &["--verify", "standard"]).ok();
        chats.add("Coffee");
        copy_tree(chats.folder.path(), &mounted.path().join("data"));
        Some(image)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mount(&self, name: &str) -> Option<Mounted> {
        let file = self.path(name);
        Mounted::new(&["-o", "loop", file.to_str().unwrap()])
    }

    /// Runs the case's tool on a fresh copy, cuts the power, and looks at what is left.
    fn cut(&self, case: &Case, end: End) -> (usize, Vec<String>) {
        copy_sparse(&self.path("begin"), &self.path("disk"));
        let disk = self.mount("disk").unwrap();
        let data = disk.path().join("data");
        let count = self.path("count");
        run(case, &data, &count, end);
        copy_sparse(&self.path("disk"), &self.path("cut"));
        drop(disk);
        let counted = fs::read_to_string(&count).map_or(0, |it| it.parse().unwrap());
        (counted, self.look(case, end))
    }

    /// What is wrong with the disk after the cut.
    fn look(&self, case: &Case, end: End) -> Vec<String> {
        let Some(cut) = self.mount("cut") else {
            return vec!["the file system does not mount".into()];
        };
        let data = cut.path().join("data");
        let place = chatkeep_backup::Place::in_folder(&data);
        let finished = std::panic::catch_unwind(|| {
            chatkeep_backup::finish_interrupted(&place, &chatkeep_backup::Control::default())
                .unwrap();
            assert_backups_sound(&data, "after the cut");
            let managed = common::backups(&data);
            let managed = managed.iter().filter(|it| it.manifest().is_some()).count();
            (names(&data), managed)
        });
        let Ok((names, managed)) = finished else {
            return vec!["what is there is damaged".into()];
        };
        let mut wrong = Vec::new();
        let is_done = !matches!(end, End::At(_));
        if names != case.after && (is_done || names != ["Coffee", "Tea"]) {
            wrong.push(format!("the chats are {names:?}"));
        }
        if managed < 1 || (is_done && managed < 2) {
            wrong.push(format!("there are {managed} backups"));
        }
        wrong
    }
}

fn copy_sparse(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("--sparse=always")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

fn run(case: &Case, data: &Path, count: &Path, end: End) {
    let mut command = tool(data, case.tool);
    command
        .args(case.arguments)
        .env("LD_PRELOAD", fault_library())
        .env("FAULT_ROOT", data)
        .env("FAULT_HOW", "kill")
        .env("FAULT_COUNT", count);
    match end {
        End::At(at) => command.env("FAULT_AT", at.to_string()),
        End::Done => &mut command,
        End::DoneWithoutSync => command.env("FAULT_NO_SYNC", "1"),
    };
    let output = command.output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(
        killed == matches!(end, End::At(_)) && (killed || output.status.success()),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn a_power_cut_on_ext4_loses_nothing() {
    let Some(image) = Image::new() else {
        return common::skip::skip("power cuts on ext4, which need root and loop devices");
    };
    let seed = number("CHATKEEP_FAULT_SEED").unwrap_or(std::process::id() as usize);
    let cuts = number("CHATKEEP_LOOP_CUTS").unwrap_or(12);
    println!("{cuts} cuts a case, seed {seed}");
    for case in &CASES {
        let (operations, wrong) = image.cut(case, End::Done);
        assert_eq!(wrong, [""; 0], "{:?}, done", case.arguments);
        for cut in 1..cuts {
            // Spread over the whole run, from another beginning each time.
            let at = 1 + (seed + cut * operations / cuts) % operations;
            let (_, wrong) = image.cut(case, End::At(at));
            assert_eq!(wrong, [""; 0], "{:?}, at {at}, seed {seed}", case.arguments);
        }
    }
}

/// The harness itself: a disk that does not keep its word is found out.
#[test]
fn a_disk_that_ignores_fsync_is_found_out() {
    let Some(image) = Image::new() else {
        return common::skip::skip(
            "the control of power cuts on ext4, which needs root and loop devices",
        );
    };
    for case in &CASES {
        let (_, wrong) = image.cut(case, End::DoneWithoutSync);
        println!("{:?}: {wrong:?}", case.arguments);
        assert_ne!(wrong, [""; 0], "{:?}", case.arguments);
    }
}
