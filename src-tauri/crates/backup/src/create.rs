//! Making a backup: a copy that was checked before it gets its name.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chatkeep_store::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Map;
use uuid::Uuid;

use crate::check::{self, FullText};
use crate::control::Control;
use crate::database::Facts;
use crate::digest::{self, Digests, PageChecksum};
use crate::error::{Error, Result};
use crate::files::{self, WorkFile};
use crate::folder::{Backup, BackupFolder, Place, State};
use crate::hashes;
use crate::manifest::{
    App, Compression, Encryption, External, FORMAT_VERSION, Host, Kind, Level, Manifest, Payload,
    Reason, Timing, Uncompressed, Verification, manifest_path,
};
use crate::names::{self, Form};
use crate::pack::{self, Lock};
use crate::quarantine;
use crate::snapshot;
use crate::swap;
use crate::verify::{self, Check};

/// How a backup is made.
#[derive(Clone)]
pub struct CreateOptions {
    /// What it is for.
    pub reason: Reason,
    /// Whether it is kept until somebody unpins it.
    pub pinned: bool,
    /// zstd's level, 1 to 19; `None` leaves a plain SQLite file.
    pub compress: Option<i32>,
    /// Whom to encrypt for.
    pub encrypt: Option<Lock>,
    /// How thoroughly to check it.
    pub verify: Level,
    /// The time now.
    pub now: Timestamp,
}

impl CreateOptions {
    /// A plain backup that is proven by a drill.
    #[must_use]
    pub fn new(reason: Reason, now: Timestamp) -> Self {
        Self {
            reason,
            pinned: false,
            compress: None,
            encrypt: None,
            verify: Level::Drill,
            now,
        }
    }

    fn form(&self) -> Form {
        Form {
            compressed: self.compress.is_some(),
            encrypted: self.encrypt.is_some(),
        }
    }
}

/// Makes a full backup of the live database, beside whoever is using it.
///
/// # Errors
/// [`Error::SourceCorrupt`], with the copy in the quarantine, if the database does not pass; nothing
/// half-made stays after any error.
pub fn create(place: &Place, options: &CreateOptions, control: &Control) -> Result<Backup> {
    swap::finish_interrupted(place, control)?;
    let _place_lock = place.lock("backup-db", control)?;
    create_locked(place, options, control)
}

/// As [`create`], for a caller who holds the place's lock.
pub(crate) fn create_locked(
    place: &Place,
    options: &CreateOptions,
    control: &Control,
) -> Result<Backup> {
    let folder = BackupFolder::create(&place.backups)?;
    let _folder_lock = folder.lock("backup-db", control)?;
    create_in(place, &folder, options, control)
}

/// As [`create`], for a restore, which holds the place's lock and that of the folder beside the
/// database. It goes there wherever the backup came from: that may be a disk that is read only, or
/// gone when the restore is to be taken back.
pub(crate) fn create_for_restore(
    place: &Place,
    options: &CreateOptions,
    control: &Control,
) -> Result<Backup> {
    create_in(place, &place.beside(), options, control)
}

fn create_in(
    place: &Place,
    folder: &BackupFolder,
    options: &CreateOptions,
    control: &Control,
) -> Result<Backup> {
    require_room(place, folder, options)?;
    let start = Instant::now();
    let work = folder.work_file("new.db")?;
    let facts = snapshot::copy(&place.database, &work.path, control)
        .map_err(|error| source_error(place, folder, &work, options.now, error))?;
    let snapshot_ms = elapsed_ms(start);
    let list = folder.work_file("new.pages")?;
    let proven = prove(&work.path, &list.path, &facts, options, control)
        .map_err(|error| source_error(place, folder, &work, options.now, error))?;
    let form = options.form();
    let (sealed, digests) = seal(folder, work, &proven.digests, options, control)?;
    let mut manifest = manifest(&facts, options, &proven, folder)?;
    manifest.payload.digests = digests;
    manifest.timing = Timing {
        duration_ms: elapsed_ms(start),
        snapshot_ms,
    };
    let mut backup = publish(folder, &sealed, manifest, |nth| {
        names::full(options.now, nth, form)
    })?;
    hashes::adopt(folder, &list, backup.require_manifest()?.backup_id);
    // What is encrypted cannot be opened here; it was checked in full before that.
    if options.verify == Level::Drill && options.encrypt.is_none() {
        let check = Check {
            level: Level::Drill,
            key: None,
            now: options.now,
        };
        backup = verify::verify_locked(place, folder, backup, &check, control)?;
    }
    Ok(backup)
}

/// Both the copy and, if it is packed, the packed one lie there at the same time.
fn require_room(place: &Place, folder: &BackupFolder, options: &CreateOptions) -> Result<()> {
    let log = files::with_suffix(&place.database, "-wal");
    let bytes = files::size(&place.database)? + files::size(&log).unwrap_or(0);
    let copies = if options.form().is_plain() { 1 } else { 2 };
    files::require_space(folder.path(), bytes * copies)
}

/// What is known of a copy once it has been read back.
struct Proven {
    digests: Digests,
    pages: PageChecksum,
    level: Level,
    duration_ms: u64,
}

/// Reads the copy back while SQLite checks it, each on its own thread.
fn prove(
    copy: &Path,
    list: &Path,
    source: &Facts,
    options: &CreateOptions,
    control: &Control,
) -> Result<Proven> {
    let start = Instant::now();
    let level = options.verify;
    // A drill compares the words, but of what is encrypted there is none.
    let full_text = match level == Level::Drill && options.encrypt.is_some() {
        true => FullText::Words,
        false => FullText::Ids,
    };
    let page_size = source.database.page_size;
    let (digested, checked) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| digest_pages(copy, list, page_size, control));
        let checked = match level {
            Level::Quick => Ok(None),
            _ => check::check(copy, full_text, control).map(Some),
        };
        (reader.join(), checked)
    });
    if let Some(found) = checked? {
        require_same(copy, source, found)?;
    }
    let (digests, pages) = digested.map_err(|_| Error::Faulty {
        what: "reading the copy back ended in a panic".into(),
    })??;
    Ok(Proven {
        digests,
        pages,
        level,
        duration_ms: elapsed_ms(start),
    })
}

/// The digests of a copy, with the hash of each of its pages, which the next delta begins with.
fn digest_pages(
    copy: &Path,
    list: &Path,
    page_size: u32,
    control: &Control,
) -> Result<(Digests, PageChecksum)> {
    let mut hashes = hashes::Writer::create(list)?;
    let digests = digest::digest_database(copy, page_size, control, |number, page| {
        hashes.push(number, page).map(drop)
    })?;
    Ok((digests, hashes.finish()?))
}

/// A copy can be a sound database and still lack rows: that is seen only beside its source.
fn require_same(copy: &Path, source: &Facts, mut found: Facts) -> Result<()> {
    found
        .database
        .journal_mode
        .clone_from(&source.database.journal_mode);
    if found == *source {
        return Ok(());
    }
    Err(Error::Faulty {
        what: format!(
            "the copy {} differs from the database it was made of",
            copy.display()
        ),
    })
}

/// A damaged source is told as such, and its copy is kept for a look.
fn source_error(
    place: &Place,
    folder: &BackupFolder,
    work: &WorkFile,
    now: Timestamp,
    error: Error,
) -> Error {
    let Error::Invalid { what, .. } = error else {
        return error;
    };
    Error::SourceCorrupt {
        file: place.database.clone(),
        what,
        quarantine: quarantine::keep_copy(folder, &work.path, now),
    }
}

/// Turns the plain copy into what is kept, on disk.
fn seal(
    folder: &BackupFolder,
    plain: WorkFile,
    plain_digests: &Digests,
    options: &CreateOptions,
    control: &Control,
) -> Result<(WorkFile, Digests)> {
    if options.form().is_plain() {
        files::sync(&plain.path)?;
        return Ok((plain, plain_digests.clone()));
    }
    let sealed = folder.work_file("new.packed")?;
    let lock = options.encrypt.as_ref();
    let written = pack::seal(&plain.path, &sealed.path, options.compress, lock, control)?;
    let read = digest::digest_file(&sealed.path, control)?;
    if read != written {
        return Err(Error::Faulty {
            what: "the packed copy is not what was written".into(),
        });
    }
    Ok((sealed, written))
}

fn manifest(
    facts: &Facts,
    options: &CreateOptions,
    proven: &Proven,
    folder: &BackupFolder,
) -> Result<Manifest> {
    Ok(Manifest {
        kind: Kind::Full,
        uncompressed: Uncompressed {
            bytes: proven.digests.bytes,
            sha256: Some(proven.digests.sha256.clone()),
            page_checksum: proven.pages.to_hex(),
        },
        compression: options.compress.map(|level| Compression {
            algorithm: "zstd".into(),
            level,
        }),
        verification: Some(Verification {
            at_ms: options.now.as_ms(),
            level: proven.level.min(Level::Standard),
            ok: true,
            what: None,
            duration_ms: proven.duration_ms,
            drilled_at_ms: None,
        }),
        ..blank_manifest(facts, options, folder)?
    })
}

/// What a full backup's manifest and a delta's have in common.
pub(crate) fn blank_manifest(
    facts: &Facts,
    options: &CreateOptions,
    folder: &BackupFolder,
) -> Result<Manifest> {
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        backup_id: Uuid::now_v7(),
        sequence: folder.next_sequence()?,
        kind: Kind::Full,
        reason: options.reason,
        pinned: options.pinned,
        created_at_ms: options.now.as_ms(),
        created_at: rfc3339(options.now),
        app: App {
            name: "chatkeep".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        },
        host: Host {
            os: std::env::consts::OS.into(),
            arch: std::env::consts::ARCH.into(),
        },
        db_uid: facts.uid.clone(),
        database: facts.database.clone(),
        payload: Payload {
            file: String::new(),
            digests: Digests::default(),
        },
        uncompressed: Uncompressed {
            bytes: 0,
            sha256: None,
            page_checksum: String::new(),
        },
        content: facts.content.clone(),
        base: None,
        compression: None,
        encryption: options.encrypt.as_ref().map(|lock| Encryption {
            format: "age".into(),
            key: lock.as_str().into(),
        }),
        verification: None,
        timing: Timing {
            duration_ms: 0,
            snapshot_ms: 0,
        },
        external: External {
            api_keys: "not included: they are in the system's keychain".into(),
        },
        other: Map::new(),
    })
}

/// Gives a finished payload its name, and then, as the last step, its manifest.
pub(crate) fn publish(
    folder: &BackupFolder,
    payload: &WorkFile,
    mut manifest: Manifest,
    name: impl Fn(u32) -> String,
) -> Result<Backup> {
    let path = free_path(folder, name);
    manifest.payload.file = file_name(&path);
    files::publish(&payload.path, &path)?;
    if let Err(error) = manifest.write(&path) {
        // Without its manifest it is no backup; what cannot be removed is told by `doctor`.
        let _ = files::remove_if_there(&path);
        return Err(error);
    }
    Ok(Backup {
        path,
        state: State::Managed(Box::new(manifest)),
    })
}

/// A second backup in the same second gets `-2`, and so on; a name is never used twice.
fn free_path(folder: &BackupFolder, name: impl Fn(u32) -> String) -> PathBuf {
    let mut nth = 1;
    loop {
        let path = folder.path().join(name(nth));
        if !path.exists() && !manifest_path(&path).exists() {
            return path;
        }
        nth += 1;
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn rfc3339(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = at.to_zoned(TimeZone::system());
    at.display_with_offset(local.offset()).to_string()
}

pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
