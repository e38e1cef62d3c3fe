//! Points in time between two full backups: only the pages that changed.
//!
//! The live database is read once, through SQLite and in one snapshot, and every page's hash is
//! compared with the last backup's. No copy of it is written, so that a point every 15 minutes costs
//! the disk only what changed. A point is not checked in full when it is made, which would take
//! longer than the point is worth; that its pages and its base make exactly the database that was
//! read is checked, and `verify` does the rest.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;
use uuid::Uuid;

use crate::chain;
use crate::control::{Control, Phase};
use crate::create::{self, CreateOptions, elapsed_ms};
use crate::database::{self, Facts};
use crate::digest::{self, PageChecksum, PageHash, page_hash};
use crate::error::{At, Error, Result};
use crate::files::{self, WorkFile};
use crate::folder::{Backup, BackupFolder, Place};
use crate::hashes::{self, Reader};
use crate::manifest::{Base, Kind, Manifest, Timing, Uncompressed};
use crate::names;
use crate::pack;
use crate::pgd::{self, End, Header};
use crate::snapshot;
use crate::swap;

/// More deltas on one full backup make a restore slow and one damaged file costly.
const CHAIN_MAX: usize = 96;

/// Makes a point in time: a delta on the newest backup, or a full backup if there is none that it
/// could build on. `None`: nothing has changed since the newest one.
///
/// # Errors
/// As [`crate::create`].
pub fn create_delta(
    place: &Place,
    options: &CreateOptions,
    control: &Control,
) -> Result<Option<Backup>> {
    swap::finish_interrupted(place, control)?;
    let _place_lock = place.lock("backup-db", control)?;
    let folder = BackupFolder::create(&place.backups)?;
    let folder_lock = folder.lock("backup-db", control)?;
    if let Some(base) = base(&folder, options)? {
        match make(place, &folder, &base, options, control) {
            // The base is of no use, or the database is damaged: a full backup finds out and says so.
            Err(Error::Invalid { .. }) => {}
            outcome => return outcome,
        }
    }
    drop(folder_lock);
    create::create_locked(place, options, control).map(Some)
}

/// The newest backup, if a delta can build on it.
fn base(folder: &BackupFolder, options: &CreateOptions) -> Result<Option<Backup>> {
    let backups = folder.list()?;
    let Some((newest, manifest)) = backups.first().and_then(|it| Some((it, it.manifest()?))) else {
        return Ok(None);
    };
    let Ok(chain) = chain::of(newest, &backups) else {
        return Ok(None);
    };
    let bytes = |it: &&Backup| it.manifest().map_or(0, |it| it.payload.digests.bytes);
    let deltas: u64 = chain.iter().skip(1).map(bytes).sum();
    let full = chain.first().map_or(0, bytes);
    let is_sound = chain
        .iter()
        .all(|it| it.manifest().is_some_and(|it| !it.is_condemned()));
    let same_lock = manifest.encryption.is_some() == options.encrypt.is_some();
    let fits = is_sound && same_lock && chain.len() <= CHAIN_MAX && deltas <= full / 2;
    Ok(fits.then(|| newest.clone()))
}

fn make(
    place: &Place,
    folder: &BackupFolder,
    base: &Backup,
    options: &CreateOptions,
    control: &Control,
) -> Result<Option<Backup>> {
    let start = Instant::now();
    let base_manifest = base.require_manifest()?;
    let id = Uuid::now_v7();
    let list = hashes::path(folder, base_manifest.backup_id)?;
    require_list(folder, base, &list, control)?;
    let work = folder.work_file("new.pgd")?;
    let new_list = folder.work_file("new.pages")?;
    let outcome = Scan {
        place,
        base: base_manifest,
        id,
        list: &list,
        new_list: &new_list.path,
        control,
    }
    .write(&work.path);
    let scanned = database::or_stopped(outcome, control)?;
    let snapshot_ms = elapsed_ms(start);
    if scanned.is_unchanged(base_manifest) {
        return Ok(None);
    }
    require_same(&work.path, &list, base_manifest, &scanned)?;
    let payload = seal(folder, work, options, control)?;
    let mut manifest = manifest(folder, options, base_manifest, id, &scanned)?;
    manifest.payload.digests = digest::digest_file(&payload.path, control)?;
    manifest.timing = Timing {
        duration_ms: elapsed_ms(start),
        snapshot_ms,
    };
    let is_encrypted = options.encrypt.is_some();
    let backup = create::publish(folder, &payload, manifest, |nth| {
        names::delta(base_manifest.created(), options.now, nth, is_encrypted)
    })?;
    hashes::adopt(folder, &new_list, id);
    Ok(Some(backup))
}

/// Makes the list of the base's page hashes, unless it is there.
fn require_list(
    folder: &BackupFolder,
    base: &Backup,
    list: &Path,
    control: &Control,
) -> Result<()> {
    let manifest = base.require_manifest()?;
    if list.is_file() && reads_as(list, manifest)? {
        return Ok(());
    }
    if manifest.encryption.is_some() {
        return Err(Error::invalid(
            &base.path,
            "it is encrypted and its page hashes are gone",
        ));
    }
    let work = folder.work_file("base.db")?;
    let plain = match manifest.kind == Kind::Full && manifest.compression.is_none() {
        true => &base.path,
        false => {
            chain::materialise(base, None, &work.path, control)?;
            &work.path
        }
    };
    let made = folder.work_file("base.pages")?;
    let checksum = hashes::make(plain, manifest.database.page_size, &made.path, control)?;
    if checksum.to_hex() != manifest.uncompressed.page_checksum {
        return Err(Error::invalid(
            &base.path,
            "its pages are not those of its manifest",
        ));
    }
    files::rename(&made.path, list)
}

fn reads_as(list: &Path, manifest: &Manifest) -> Result<bool> {
    let mut reader = Reader::open(list)?;
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => return Ok(false),
        }
    }
    Ok(reader.checksum.to_hex() == manifest.uncompressed.page_checksum)
}

/// One pass over the live database.
struct Scan<'a> {
    place: &'a Place,
    base: &'a Manifest,
    id: Uuid,
    list: &'a Path,
    new_list: &'a Path,
    control: &'a Control,
}

/// What the pass found.
struct Scanned {
    facts: Facts,
    end: End,
    /// How many pages differ, and whether any but the first does.
    changed: u32,
    beyond_first: bool,
}

impl Scanned {
    /// The first page differs always: the copy counts its own change of journal mode there.
    fn is_unchanged(&self, base: &Manifest) -> bool {
        !self.beyond_first
            && self.changed <= 1
            && self.facts.database.page_count == base.database.page_count
            && self.facts.database.user_version == base.database.user_version
            && self.facts.content == base.content
    }
}

impl Scan<'_> {
    fn write(&self, to: &Path) -> Result<Scanned> {
        let path = &self.place.database;
        let connection = database::open_live(path, self.control)?;
        snapshot::begin_snapshot(&connection, path)?;
        let facts = database::facts(&connection, path)?;
        if facts.uid != self.base.db_uid || facts.database.page_size != self.base.database.page_size
        {
            return Err(Error::invalid(
                to,
                "the newest backup is of another database",
            ));
        }
        let header = Header {
            page_size: facts.database.page_size,
            base_id: self.base.backup_id,
            id: self.id,
            base_checksum: base_checksum(self.list)?,
        };
        let file = BufWriter::new(files::create_private(to)?);
        let mut delta = pgd::Writer::new(file, &header).at("write", to)?;
        let mut scanned = self.pages(&connection, facts, &mut delta, to)?;
        scanned.end.page_count = scanned.facts.database.page_count;
        let file = delta.finish(&scanned.end).at("write", to)?;
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .at("write", to)?;
        file.sync_all().at("write to disk", to)?;
        Ok(scanned)
    }

    fn pages(
        &self,
        connection: &Connection,
        facts: Facts,
        delta: &mut pgd::Writer<BufWriter<File>>,
        to: &Path,
    ) -> Result<Scanned> {
        let path = &self.place.database;
        let total = facts.database.page_count;
        let mut before = Reader::open(self.list)?;
        let mut after = hashes::Writer::create(self.new_list)?;
        let (mut changed, mut beyond_first) = (0, false);
        let mut statement = connection
            .prepare("SELECT pgno, data FROM sqlite_dbpage('main')")
            .at("read the pages of", path)?;
        let mut rows = statement.query([]).at("read the pages of", path)?;
        while let Some(row) = rows.next().at("read the pages of", path)? {
            let number: u32 = row.get(0).at("read", path)?;
            let data = row
                .get_ref(1)
                .and_then(|it| Ok(it.as_blob()?))
                .at("read", path)?;
            let first;
            let page = match number {
                1 => {
                    first = as_one_file(data);
                    first.as_slice()
                }
                _ => data,
            };
            let hash = after.push(number, page)?;
            if before.next()? != Some(hash) && hash != PageHash::default() {
                delta.page(number, page).at("write", to)?;
                changed += 1;
                beyond_first |= number != 1;
            }
            if number.is_multiple_of(1024) {
                self.control
                    .step(Phase::Copy, u64::from(number), u64::from(total))?;
            }
        }
        let end = End {
            page_count: total,
            checksum: after.finish()?,
        };
        Ok(Scanned {
            facts,
            end,
            changed,
            beyond_first,
        })
    }
}

/// The first page as it is in a copy that is one file: journal mode `delete`.
fn as_one_file(page: &[u8]) -> Vec<u8> {
    let mut page = page.to_vec();
    if let Some(versions) = page.get_mut(18..20) {
        versions.copy_from_slice(&[1, 1]);
    }
    page
}

fn base_checksum(list: &Path) -> Result<PageChecksum> {
    let mut reader = Reader::open(list)?;
    while reader.next()?.is_some() {}
    Ok(reader.checksum)
}

/// Reads the delta back and takes it from the base's hashes to the new ones: what comes out must be
/// the checksum of the database that was read.
fn require_same(delta: &Path, list: &Path, base: &Manifest, scanned: &Scanned) -> Result<()> {
    let mut before = Reader::open(list)?;
    let mut at = 0;
    let mut checksum = PageChecksum::default();
    let mut keep_until =
        |end: u32, replaced: Option<(u32, PageHash)>, keep_last: bool| -> Result<()> {
            while at < end {
                at += 1;
                let hash = before.next()?;
                if let Some(hash) = hash.filter(|_| at < end || keep_last) {
                    checksum.toggle(&hash);
                }
            }
            if let Some((_, hash)) = replaced {
                checksum.toggle(&hash);
            }
            Ok(())
        };
    let file = File::open(delta).at("open", delta)?;
    let read = pgd::read(std::io::BufReader::new(file), |number, page| {
        keep_until(number, Some((number, page_hash(number, page))), false)
    });
    let (header, end) = read.map_err(|error| chain::read_error(delta, error))?;
    keep_until(end.page_count, None, true)?;
    let is_same = checksum == scanned.end.checksum
        && end == scanned.end
        && header.base_checksum.to_hex() == base.uncompressed.page_checksum;
    if is_same {
        return Ok(());
    }
    Err(Error::Faulty {
        what: "the base and the delta do not make the database that was read".into(),
    })
}

fn seal(
    folder: &BackupFolder,
    plain: WorkFile,
    options: &CreateOptions,
    control: &Control,
) -> Result<WorkFile> {
    let Some(lock) = &options.encrypt else {
        return Ok(plain);
    };
    let sealed = folder.work_file("new.pgd.age")?;
    pack::seal(&plain.path, &sealed.path, None, Some(lock), control)?;
    Ok(sealed)
}

fn manifest(
    folder: &BackupFolder,
    options: &CreateOptions,
    base: &Manifest,
    id: Uuid,
    scanned: &Scanned,
) -> Result<Manifest> {
    let database = &scanned.facts.database;
    Ok(Manifest {
        backup_id: id,
        kind: Kind::Delta,
        uncompressed: Uncompressed {
            bytes: u64::from(database.page_count) * u64::from(database.page_size),
            sha256: None,
            page_checksum: scanned.end.checksum.to_hex(),
        },
        base: Some(Base {
            full_id: base.base.as_ref().map_or(base.backup_id, |it| it.full_id),
            backup_id: base.backup_id,
            page_checksum: base.uncompressed.page_checksum.clone(),
        }),
        ..create::blank_manifest(&scanned.facts, options, folder)?
    })
}
