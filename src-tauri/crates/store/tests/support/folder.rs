//! Data folders without a store in them: what is there, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chatkeep_store::{
    DATABASE_FILE, NewMessage, NewSession, OpenError, OpenOptions, Store, messages, sessions,
};
use tempfile::{TempDir, tempdir};

/// A folder with a database that was closed as it should be: one session with one message.
pub(crate) fn saved_folder() -> TempDir {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named("Tea"))?;
            messages::append(tx, &NewMessage::user(session.id, "How long?"))
        })
        .unwrap();
    folder
}

/// Opens the store in a folder, as the app does.
pub(crate) fn open(folder: &Path) -> Result<Store, OpenError> {
    OpenOptions::new(folder).open()
}

/// The database file of a folder.
pub(crate) fn database(folder: &TempDir) -> PathBuf {
    folder.path().join(DATABASE_FILE)
}

/// What is in a folder, but for the lock, SQLite's shared memory and a log without a byte, which
/// hold no data.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .filter(|(name, _)| !name.ends_with(".lock") && !name.ends_with("-shm"))
        .filter(|(name, bytes)| !name.ends_with("-wal") || !bytes.is_empty())
        .collect()
}
