//! Putting other files in the place of a database that is missing or damaged: by renames, with a
//! journal, so that a cut at any point is finished by whoever comes next.
//!
//! Only for who holds the store's own lock: a rename under an open connection loses what that
//! connection writes. The old files are moved, never copied and never split: a log belongs to its
//! database.

use std::fs;
use std::path::{Path, PathBuf};

use chatkeep_store::DATABASE_FILE;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::Control;
use crate::error::{At, Error, Result, with_causes};
use crate::files;
use crate::folder::{Place, SWAP_PREFIX};

/// What SQLite keeps of one database, the file itself last: it is what decides.
const SET: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// What is left to do, as it lies on disk. Folders are relative to the data folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Journal {
    format_version: u32,
    state: Move,
    /// Holds the set that is to become the live one.
    incoming: String,
    /// Takes the set that was the live one.
    outgoing: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Move {
    Out,
    In,
}

/// Moves the live set into the quarantine and the set in `incoming` into its place; returns where
/// the old one is. `incoming` is a folder in the one beside the live database, holds a
/// `chatkeep.db` that was checked, and stays if that cannot be begun. The caller holds the store's
/// lock.
pub(crate) fn replace(place: &Place, incoming: &Path) -> Result<PathBuf> {
    let quarantine = place.beside().quarantine()?;
    let outgoing = quarantine.join(format!("replaced-{}", Uuid::now_v7().simple()));
    files::create_private_folder(&outgoing)?;
    let journal = Journal {
        format_version: 1,
        state: Move::Out,
        incoming: relative(place, incoming)?,
        outgoing: relative(place, &outgoing)?,
    };
    match write(place, &journal) {
        Err(error) if !place.journal().exists() => return Err(error),
        _ => {}
    }
    // From here on it only goes forward. What fails once may work the second time; else the journal
    // stays, and the next start goes on.
    let outcome = run(place, journal).or_else(|_| finish_locked(place).map(drop));
    outcome
        .map(|()| outgoing.clone())
        .map_err(|error| Error::Manual {
            what: format!(
                "{}; the next start of Chatkeep or chatkeep-restore-db tries to finish it",
                with_causes(&error)
            ),
            former: set_in(&outgoing),
            stage: set_in(incoming),
        })
}

/// Finishes a replacement that was cut off. Call it before the database is opened: until then it may
/// not be where it belongs.
///
/// # Errors
/// [`Error::Busy`], if another process is at it or has the store open.
pub fn finish_interrupted(place: &Place, control: &Control) -> Result<bool> {
    if !place
        .journal()
        .try_exists()
        .at("look at", &place.journal())?
    {
        return Ok(false);
    }
    let _place_lock = place.lock("restore-db", control)?;
    let _store_lock = place.store_lock(control)?;
    finish_locked(place)
}

/// As [`finish_interrupted`], for a caller who holds both locks.
pub(crate) fn finish_locked(place: &Place) -> Result<bool> {
    let path = place.journal();
    let text = match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        text => text.at("read", &path)?,
    };
    let journal = serde_json::from_slice(&text).map_err(|error| {
        Error::invalid(&path, format!("the restore's journal is damaged: {error}"))
    })?;
    run(place, journal)?;
    Ok(true)
}

/// Every step can be done again: what was moved is no longer there to be moved.
fn run(place: &Place, mut journal: Journal) -> Result<()> {
    let data = place.data_folder().to_owned();
    let incoming = data.join(&journal.incoming);
    if journal.state == Move::Out {
        require_set(&incoming, &data.join(&journal.outgoing))?;
        move_set(&place.database, &set_in(&data.join(&journal.outgoing)))?;
        journal.state = Move::In;
        write(place, &journal)?;
    }
    move_set(&set_in(&incoming), &place.database)?;
    files::remove_if_there(&place.journal())?;
    files::sync_folder(&data)?;
    files::remove_tree(&incoming)
}

/// Without the new set the old one stays where it is.
fn require_set(incoming: &Path, outgoing: &Path) -> Result<()> {
    if set_in(incoming).is_file() {
        return Ok(());
    }
    Err(Error::Manual {
        what: "the database that was to take the old one's place is gone".into(),
        former: set_in(outgoing),
        stage: set_in(incoming),
    })
}

fn move_set(from: &Path, to: &Path) -> Result<()> {
    for suffix in SET {
        let file = files::with_suffix(from, suffix);
        if file.try_exists().at("look at", &file)? {
            files::rename(&file, &files::with_suffix(to, suffix))?;
        }
    }
    Ok(())
}

/// The database in a folder that holds one set.
pub(crate) fn set_in(folder: &Path) -> PathBuf {
    folder.join(DATABASE_FILE)
}

/// A free name for a folder with a set that is to become the live one.
pub(crate) fn incoming(place: &Place) -> Result<PathBuf> {
    let name = format!("{SWAP_PREFIX}{}", Uuid::now_v7().simple());
    Ok(place.beside().work()?.join(name))
}

fn write(place: &Place, journal: &Journal) -> Result<()> {
    let text = serde_json::to_vec_pretty(journal).map_err(|error| Error::Faulty {
        what: format!("the journal cannot be written: {error}"),
    })?;
    files::replace(&place.journal(), &text)
}

fn relative(place: &Place, path: &Path) -> Result<String> {
    let inside = path.strip_prefix(place.data_folder()).ok();
    let text = inside.and_then(Path::to_str).map(str::to_owned);
    text.ok_or_else(|| Error::usage(format!("{} is not in the data folder", path.display())))
}
