//! From a backup to the database that it stands for: opened, decompressed, and of a delta put
//! together from its base.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use uuid::Uuid;

use crate::control::Control;
use crate::database;
use crate::digest::{self, PageChecksum, page_hash};
use crate::error::{At, Error, Result};
use crate::files::{self, WorkFile};
use crate::folder::{Backup, BackupFolder, State};
use crate::manifest::{Kind, Manifest};
use crate::names::Form;
use crate::pack::{self, Key};
use crate::pgd::{self, ReadError};

/// Makes the database of a backup as the new file `to`, in journal mode `delete`, and compares every
/// digest that there is on the way.
pub(crate) fn materialise(
    backup: &Backup,
    key: Option<&Key>,
    to: &Path,
    control: &Control,
) -> Result<()> {
    match &backup.state {
        State::Damaged(what) => Err(Error::invalid(&backup.path, what.clone())),
        State::Unmanaged => unmanaged(backup, key, to, control),
        State::Managed(manifest) => match manifest.kind {
            Kind::Full => full(backup, manifest, key, to, control),
            Kind::Delta => delta(backup, manifest, key, to, control),
        },
    }
}

fn unmanaged(backup: &Backup, key: Option<&Key>, to: &Path, control: &Control) -> Result<()> {
    let log = files::with_suffix(&backup.path, "-wal");
    if files::size(&log).is_ok_and(|bytes| bytes > 0) {
        let what = format!(
            "a part of it is still in its log {}; `chatkeep-restore-db salvage` reads both",
            log.display()
        );
        return Err(Error::invalid(&backup.path, what));
    }
    if backup.name().contains(".pgd") {
        return Err(Error::invalid(
            &backup.path,
            "a page delta is of no use without its manifest",
        ));
    }
    pack::unseal(&backup.path, to, key, control)?;
    database::make_one_file(to, control).map_err(|error| named(backup, error))
}

/// What is wrong with a copy is wrong with the backup that it was made of.
pub(crate) fn named(backup: &Backup, error: Error) -> Error {
    match error {
        Error::Invalid { what, .. } => Error::invalid(&backup.path, what),
        error => error,
    }
}

fn full(
    backup: &Backup,
    manifest: &Manifest,
    key: Option<&Key>,
    to: &Path,
    control: &Control,
) -> Result<()> {
    let (sealed, opened) = pack::unseal(&backup.path, to, key, control)?;
    if sealed != manifest.payload.digests {
        return Err(Error::invalid(
            &backup.path,
            "its digest is not the one in its manifest",
        ));
    }
    if Some(&opened.sha256) != manifest.uncompressed.sha256.as_ref() {
        return Err(Error::invalid(
            &backup.path,
            "the database in it is not the one that its manifest describes",
        ));
    }
    Ok(())
}

/// The backups that `backup` is made of, the full one first, itself last.
pub(crate) fn of<'a>(backup: &'a Backup, all: &'a [Backup]) -> Result<Vec<&'a Backup>> {
    let mut chain = vec![backup];
    let mut next = backup.require_manifest()?.base.as_ref();
    while let Some(base) = next {
        let found = with_id(all, base.backup_id).filter(|_| chain.len() <= all.len());
        let found = found.ok_or_else(|| {
            let what = format!("what it builds on is missing: {}", base.backup_id);
            Error::invalid(&backup.path, what)
        })?;
        let manifest = found.require_manifest()?;
        if manifest.uncompressed.page_checksum != base.page_checksum {
            return Err(Error::invalid(
                &backup.path,
                "it does not build on the backup it names",
            ));
        }
        chain.push(found);
        next = manifest.base.as_ref();
    }
    chain.reverse();
    Ok(chain)
}

fn with_id(all: &[Backup], id: Uuid) -> Option<&Backup> {
    all.iter()
        .find(|it| it.manifest().is_some_and(|it| it.backup_id == id))
}

fn delta(
    backup: &Backup,
    manifest: &Manifest,
    key: Option<&Key>,
    to: &Path,
    control: &Control,
) -> Result<()> {
    let folder = BackupFolder::open(files::parent(&backup.path))?;
    let all = folder.list()?;
    for part in of(backup, &all)? {
        let part_manifest = part.require_manifest()?;
        match part_manifest.kind {
            Kind::Full => full(part, part_manifest, key, to, control)?,
            Kind::Delta => apply(part, part_manifest, key, to, control)?,
        }
    }
    let mut checksum = PageChecksum::default();
    digest::digest_database(to, manifest.database.page_size, control, |number, page| {
        checksum.toggle(&page_hash(number, page));
        Ok(())
    })?;
    if checksum.to_hex() != manifest.uncompressed.page_checksum {
        return Err(Error::invalid(
            &backup.path,
            "its pages do not make the database that was copied",
        ));
    }
    Ok(())
}

/// Writes the pages of one delta over the database that it builds on.
fn apply(
    delta: &Backup,
    manifest: &Manifest,
    key: Option<&Key>,
    to: &Path,
    control: &Control,
) -> Result<()> {
    if digest::digest_file(&delta.path, control)? != manifest.payload.digests {
        return Err(Error::invalid(
            &delta.path,
            "its digest is not the one in its manifest",
        ));
    }
    let opened = WorkFile::at(files::with_suffix(to, "-delta"));
    let plain = match Form::of(&delta.path).encrypted {
        true => {
            pack::unseal(&delta.path, &opened.path, key, control)?;
            &opened.path
        }
        false => &delta.path,
    };
    let mut database = OpenOptions::new().write(true).open(to).at("open", to)?;
    let page_size = u64::from(manifest.database.page_size);
    let page_count = manifest.database.page_count;
    let from = BufReader::new(File::open(plain).at("open", plain)?);
    let read = pgd::read(from, |number, page| {
        control.check()?;
        if number > page_count || page.len() as u64 != page_size {
            return Err(Error::invalid(
                &delta.path,
                "it holds pages of no such database",
            ));
        }
        database
            .seek(SeekFrom::Start(u64::from(number - 1) * page_size))
            .and_then(|_| database.write_all(page))
            .at("write", to)
    });
    let (header, end) = read.map_err(|error| read_error(&delta.path, error))?;
    if header.id != manifest.backup_id || end.page_count != page_count {
        return Err(Error::invalid(
            &delta.path,
            "it is not the delta that its manifest describes",
        ));
    }
    database
        .set_len(u64::from(page_count) * page_size)
        .and_then(|()| database.sync_all())
        .at("write", to)
}

pub(crate) fn read_error(delta: &Path, error: ReadError) -> Error {
    match error {
        ReadError::Damaged(what) => Error::invalid(delta, what),
        ReadError::Visit(error) => error,
        ReadError::Io(error) => match Err::<(), _>(error).at("read", delta) {
            Err(error) => error,
            Ok(()) => Error::Cancelled,
        },
    }
}
