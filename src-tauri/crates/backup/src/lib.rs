//! Backups of a Chatkeep database that are proven before they are needed, and their restore.
//!
//! ```
//! use chatkeep_backup::{Control, CreateOptions, Mode, Place, Reason, RestoreOptions};
//! use chatkeep_store::{Clock, NewSession, OpenOptions, SystemClock, sessions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let store = OpenOptions::new(folder).open()?;
//! store.write(|tx| sessions::insert(tx, &NewSession::named("Tea")))?;
//!
//! // Beside the store, while it is open.
//! let place = Place::in_folder(folder);
//! let now = SystemClock.now();
//! let options = CreateOptions::new(Reason::Manual, now);
//! let backup = chatkeep_backup::create(&place, &options, &Control::default())?;
//! assert!(backup.manifest().is_some_and(|it| it.is_verified()));
//!
//! drop(store);
//! let options = RestoreOptions {
//!     key: None,
//!     allow_foreign: false,
//!     safety_backup: true,
//!     mode: Mode::Auto,
//!     now,
//! };
//! let restore = chatkeep_backup::prepare(&place, &backup, options, &Control::default())?;
//! assert!(restore.plan().tables.iter().all(|it| it.now == Some(it.then)));
//! restore.apply(&Control::default())?;
//! # Ok(())
//! # }
//! ```

mod chain;
mod check;
mod compare;
mod control;
mod create;
mod database;
mod delta;
mod digest;
mod doctor;
mod error;
mod files;
mod folder;
mod gate;
mod hashes;
mod manifest;
mod names;
mod pack;
mod pages;
mod pgd;
mod quarantine;
mod restore;
mod retention;
mod salvage;
mod snapshot;
mod swap;
mod upkeep;
mod verify;

pub use control::{Control, Phase, Progress};
pub use create::{CreateOptions, create};
pub use delta::create_delta;
pub use digest::Digests;
pub use doctor::{Finding, Severity, doctor, same_disk};
pub use error::{Error, Result, with_causes};
pub use folder::{BACKUPS_FOLDER, Backup, BackupFolder, Place, State};
pub use gate::Gate;
pub use manifest::{
    App, Base, Compression, Database, Encryption, External, FORMAT_VERSION, Host, Kind, Level,
    Manifest, Payload, Reason, TableContent, Timing, Uncompressed, Verification,
};
pub use names::display_utc;
pub use pack::{Key, Lock};
pub use restore::{
    Live, Mode, Plan, Prepared, RestoreOptions, Restored, TableChange, last_restore, prepare,
    restore_to, undo_backup,
};
pub use retention::{Decision, Policy, decide};
pub use salvage::{Salvaged, SalvagedTable, put_in_place, salvage};
pub use swap::finish_interrupted;
pub use upkeep::{Layout, Prune, Pruned, copy_to, delete, export, prune, set_pinned};
pub use verify::{Check, verify};
