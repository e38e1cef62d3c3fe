//! From a backup to the database that it stands for: opened, decompressed, and of a delta put
//! together from its base.

use std::path::Path;

use crate::control::Control;
use crate::database;
use crate::error::{Error, Result};
use crate::files;
use crate::folder::{Backup, State};
use crate::manifest::{Kind, Manifest};
use crate::pack::{self, Key};

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
            Kind::Delta => Err(Error::invalid(&backup.path, "it is a page delta")),
        },
    }
}

fn unmanaged(backup: &Backup, key: Option<&Key>, to: &Path, control: &Control) -> Result<()> {
    let log = files::with_suffix(&backup.path, "-wal");
    if files::size(&log).is_ok_and(|bytes| bytes > 0) {
        return Err(Error::invalid(
            &backup.path,
            format!("a part of it is still in its log {}; `restore-db salvage` reads both", log.display()),
        ));
    }
    if backup.path.extension().is_some_and(|it| it == "pgd") {
        return Err(Error::invalid(&backup.path, "a page delta is of no use without its manifest"));
    }
    pack::unseal(&backup.path, to, key, control)?;
    let named = |error| match error {
        Error::Invalid { what, .. } => Error::invalid(&backup.path, what),
        error => error,
    };
    database::make_one_file(to, control).map_err(named)
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
        return Err(Error::invalid(&backup.path, "its digest is not the one in its manifest"));
    }
    if Some(&opened.sha256) != manifest.uncompressed.sha256.as_ref() {
        return Err(Error::invalid(
            &backup.path,
            "the database in it is not the one that its manifest describes",
        ));
    }
    Ok(())
}
