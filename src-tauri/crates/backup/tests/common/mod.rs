//! A store with some chats in it, and the files around it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test takes what it needs, and has nothing else to do when that fails"
)]

pub mod skip;

use std::fs;
use std::path::{Path, PathBuf};

use chatkeep_backup::{
    Backup, Control, CreateOptions, Level, Mode, Place, Reason, RestoreOptions, create,
};
use chatkeep_store::testing::ManualClock;
use chatkeep_store::{NewMessage, NewSession, OpenOptions, Store, Timestamp, messages, sessions};
use tempfile::TempDir;

/// 21 November 2026, as in `TestStore`.
pub const NOW_MS: i64 = 1_795_219_200_000;

pub fn now() -> Timestamp {
    Timestamp::from_ms(NOW_MS)
}

pub fn quiet() -> Control {
    Control::default()
}

/// A data folder whose store is closed.
pub struct Chats {
    pub folder: TempDir,
    pub place: Place,
}

impl Chats {
    pub fn new() -> Self {
        let folder = memory_folder();
        let place = Place::in_folder(folder.path());
        let chats = Self { folder, place };
        chats.add("Tea", 20);
        chats
    }

    pub fn open(&self) -> Store {
        open(self.folder.path())
    }

    /// A session with some messages.
    pub fn add(&self, name: &str, count: usize) {
        add(&self.open(), name, count);
    }

    pub fn names(&self) -> Vec<String> {
        names(&self.open())
    }

    pub fn back_up(&self) -> Backup {
        self.back_up_at(now())
    }

    pub fn back_up_at(&self, at: Timestamp) -> Backup {
        create(&self.place, &options(at), &quiet()).unwrap()
    }

    pub fn database(&self) -> &Path {
        &self.place.database
    }

    /// Every file of the database, as bytes.
    pub fn bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        ["", "-wal", "-shm", "-journal"]
            .iter()
            .map(|suffix| with_suffix(self.database(), suffix))
            .filter(|path| path.exists())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// Nothing that was being made is left.
    pub fn assert_nothing_half_made(&self) {
        let work = self.place.backups.join(".work");
        for entry in fs::read_dir(work).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with("tmp-"), "{name} was left");
        }
        assert!(!self.folder.path().join("restore.journal.json").exists());
    }
}

pub fn open(folder: &Path) -> Store {
    OpenOptions::new(folder)
        .clock(ManualClock::at_ms(NOW_MS))
        .open()
        .unwrap()
}

pub fn add(store: &Store, name: &str, count: usize) {
    store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named(name))?;
            for number in 0..count {
                let text = format!("{name} {number}: {}", "leaves and water ".repeat(20));
                messages::append(tx, &NewMessage::user(session.id, text))?;
            }
            Ok(())
        })
        .unwrap();
}

pub fn names(store: &Store) -> Vec<String> {
    let page = store
        .read(|tx| sessions::list(tx, chatkeep_store::Shelf::Active, None, 100))
        .unwrap();
    let mut names: Vec<_> = page.items.into_iter().map(|it| it.name).collect();
    names.sort();
    names
}

/// A quick backup: checked in full, without a drill.
pub fn options(at: Timestamp) -> CreateOptions {
    CreateOptions {
        verify: Level::Standard,
        ..CreateOptions::new(Reason::Manual, at)
    }
}

pub fn restoring() -> RestoreOptions<'static> {
    RestoreOptions {
        key: None,
        allow_foreign: false,
        safety_backup: true,
        mode: Mode::Auto,
        now: now(),
    }
}

pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x01;
    fs::write(path, bytes).unwrap();
}

/// A folder in memory, where there is one: hundreds of trials need not wait for a real disk.
pub fn memory_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Copies what is in a folder.
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

/// A manifest's text with a checksum that fits it.
pub fn seal(manifest: &serde_json::Value) -> String {
    let mut manifest = manifest.clone();
    manifest.as_object_mut().unwrap().remove("manifest_blake3");
    let json = serde_json::to_string_pretty(&manifest).unwrap();
    let body = format!("{},", json.strip_suffix("\n}").unwrap());
    let hash = blake3::hash(body.as_bytes()).to_hex();
    format!("{body}\n  \"manifest_blake3\": \"{hash}\"\n}}\n")
}
