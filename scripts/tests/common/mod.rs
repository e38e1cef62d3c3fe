//! A data folder with some chats in it, and the real tools run on it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test takes what it needs, and has nothing else to do when that fails"
)]

#[path = "../../../src-tauri/crates/backup/tests/common/skip.rs"]
pub mod skip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use chatkeep_backup::{Backup, BackupFolder, Check, Control, Level, Place, verify};
use chatkeep_store::{
    Clock, NewMessage, NewSession, OpenOptions, Shelf, Store, SystemClock, messages, sessions,
};
use tempfile::TempDir;

/// A data folder whose store is closed.
pub struct Chats {
    pub folder: TempDir,
}

impl Chats {
    pub fn new() -> Self {
        let chats = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        add(&chats.open(), "Tea", 3);
        chats
    }

    pub fn open(&self) -> Store {
        open(self.folder.path())
    }

    pub fn add(&self, name: &str) {
        add(&self.open(), name, 3);
    }

    pub fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    pub fn place(&self) -> Place {
        Place::in_folder(self.folder.path())
    }

    pub fn run(&self, tool: &str, arguments: &[&str]) -> Run {
        run(self.folder.path(), tool, arguments)
    }

    pub fn backups(&self) -> Vec<Backup> {
        backups(self.folder.path())
    }
}

pub fn add(store: &Store, name: &str, count: usize) {
    store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named(name))?;
            for number in 0..count {
                messages::append(
                    tx,
                    &NewMessage::user(session.id, format!("{name} {number}")),
                )?;
            }
            Ok(())
        })
        .unwrap();
}

pub fn names(folder: &Path) -> Vec<String> {
    let store = open(folder);
    let page = store
        .read(|tx| sessions::list(tx, Shelf::Active, None, 100))
        .unwrap();
    let mut names: Vec<_> = page.items.into_iter().map(|it| it.name).collect();
    names.sort();
    names
}

pub fn open(folder: &Path) -> Store {
    OpenOptions::new(folder).open().unwrap()
}

pub fn backups(folder: &Path) -> Vec<Backup> {
    match BackupFolder::open(&Place::in_folder(folder).backups) {
        Ok(folder) => folder.list().unwrap(),
        Err(_) => Vec::new(),
    }
}

/// Every managed backup holds what its manifest says.
pub fn assert_backups_sound(folder: &Path, when: &str) {
    let place = Place::in_folder(folder);
    for backup in backups(folder) {
        if backup.manifest().is_some() {
            let check = Check {
                level: Level::Standard,
                key: None,
                now: SystemClock.now(),
            };
            let name = backup.name();
            let outcome = verify(&place, backup, &check, &Control::default());
            outcome.unwrap_or_else(|error| panic!("{when}: {name}: {error}"));
        }
    }
}

/// A tool that was run.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// The JSON object of this type that was told last.
    pub fn message(&self, kind: &str) -> serde_json::Value {
        let mut parsed = self
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let found = parsed.rfind(|it: &serde_json::Value| it["message_type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {}", self.stdout))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn tool(folder: &Path, name: &str) -> Command {
    let path = match name {
        "backup-db" => env!("CARGO_BIN_EXE_backup-db"),
        "restore-db" => env!("CARGO_BIN_EXE_restore-db"),
        _ => panic!("there is no tool {name}"),
    };
    let mut command = Command::new(path);
    command
        .env("CHATKEEP_DATA_DIR", folder)
        .env_remove("CHATKEEP_BACKUP_DIR");
    command
}

pub fn run(folder: &Path, name: &str, arguments: &[&str]) -> Run {
    tool(folder, name).args(arguments).output().unwrap().into()
}

/// A folder in memory, where there is one: thousands of runs need not wait for a real disk.
pub fn memory_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// A file system of its own, gone when this is dropped.
pub struct Mounted {
    pub folder: TempDir,
}

impl Mounted {
    /// Mounts with these arguments of mount(8); `None` where that is not allowed.
    pub fn new(arguments: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(arguments)
            .arg(folder.path())
            .output();
        let is_mounted = mount.is_ok_and(|it| it.status.success());
        is_mounted.then_some(Self { folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whatever is written to it from now on is refused.
    pub fn make_read_only(&self) {
        let mount = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(self.path())
            .status();
        assert!(mount.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for how in [&[][..], &["--lazy"]] {
            let unmounted = Command::new("umount").args(how).arg(self.path()).status();
            if unmounted.is_ok_and(|it| it.success()) {
                return;
            }
        }
    }
}

/// Copies a data folder.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The library that lets file operations fail, compiled with the same compiler as SQLite.
pub fn fault_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/faults.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("faults-{}.so", std::process::id()));
        let status = Command::new("cc")
            .args(["-O1", "-Wall", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .status()
            .unwrap();
        assert!(status.success());
        library
    })
}
