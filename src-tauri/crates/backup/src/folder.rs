//! Where backups lie, and which there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chatkeep_store::upkeep::{LockFile, RESTORE_JOURNAL, lock_path};
use chatkeep_store::{DATABASE_FILE, OpenError, Timestamp};
use uuid::Uuid;

use crate::control::Control;
use crate::error::{At, Error, Result};
use crate::files::{self, WorkFile};
use crate::manifest::{Kind, Manifest, Reason, manifest_path};
use crate::names::{self, MANIFEST_SUFFIX};

/// The folder of backups inside a data folder.
pub const BACKUPS_FOLDER: &str = "backups";

/// How long a tool waits for another one that works on the same files.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const STORE_LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// Begins the name of everything in the work folder that is of no use once its maker has ended.
const WORK_PREFIX: &str = "tmp-";
/// Begins the name of what is being put in the live database's place, which a journal names.
pub(crate) const SWAP_PREFIX: &str = "swap-";

/// A database and the folder of its backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The live database. No code but SQLite opens it.
    pub database: PathBuf,
    /// The folder that backups are written to and looked for in.
    pub backups: PathBuf,
}

impl Place {
    /// The database in `data_folder`, and the folder of backups in it.
    #[must_use]
    pub fn in_folder(data_folder: &Path) -> Self {
        Self {
            database: data_folder.join(DATABASE_FILE),
            backups: data_folder.join(BACKUPS_FOLDER),
        }
    }

    /// The folder that the live database is in.
    #[must_use]
    pub fn data_folder(&self) -> &Path {
        files::parent(&self.database)
    }

    /// The folder beside the live database, for what has to be on its file system.
    pub(crate) fn beside(&self) -> BackupFolder {
        BackupFolder {
            path: self.data_folder().join(BACKUPS_FOLDER),
        }
    }

    /// The store's own lock. An app that is just ending, or a program that it is just starting, may
    /// hold it for a moment longer.
    pub(crate) fn store_lock(&self, control: &Control) -> Result<LockFile> {
        wait_for_lock(
            &lock_path(&self.database),
            "restore-db",
            STORE_LOCK_WAIT,
            control,
        )
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.data_folder().join(RESTORE_JOURNAL)
    }

    /// Keeps two tools from copying and replacing the database at the same time. It is beside the
    /// database, because they may use different folders of backups.
    pub(crate) fn lock(&self, holder: &str, control: &Control) -> Result<LockFile> {
        if !self.data_folder().is_dir() {
            return Err(Error::not_found(format!(
                "there is no data folder {}",
                self.data_folder().display()
            )));
        }
        let lock = files::with_suffix(&self.database, ".backup.lock");
        wait_for_lock(&lock, holder, LOCK_WAIT, control)
    }
}

/// A folder of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFolder {
    path: PathBuf,
}

/// A backup as it lies in its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Backup {
    /// The file that holds the data.
    pub path: PathBuf,
    /// What is known about it.
    pub state: State,
}

/// What is known about a file that looks like a backup.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It has a sound manifest.
    Managed(Box<Manifest>),
    /// It has no manifest; it can be restored, but not compared with what it was.
    Unmanaged,
    /// Its manifest is damaged, or its data is missing.
    Damaged(String),
}

impl Backup {
    /// The backup at `path`, whichever folder that is in.
    ///
    /// # Errors
    /// [`Error::NotFound`], if there is no such file.
    pub fn at(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::not_found(format!(
                "there is no backup {}",
                path.display()
            )));
        }
        Ok(Self::read(path))
    }

    fn read(path: &Path) -> Self {
        let manifest = manifest_path(path);
        let state = if !manifest.is_file() {
            State::Unmanaged
        } else if !path.is_file() {
            State::Damaged("its data is missing".into())
        } else {
            match Manifest::read(&manifest) {
                Ok(manifest) => State::Managed(Box::new(manifest)),
                Err(error) => State::Damaged(error.to_string()),
            }
        };
        Self {
            path: path.to_owned(),
            state,
        }
    }

    /// Its manifest, if it has a sound one.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.state {
            State::Managed(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// Its file's name.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn sequence(&self) -> u64 {
        self.manifest().map_or(0, |it| it.sequence)
    }

    /// Its manifest, or why it has none that can be used.
    pub(crate) fn require_manifest(&self) -> Result<&Manifest> {
        match &self.state {
            State::Managed(manifest) => Ok(manifest),
            State::Unmanaged => Err(Error::invalid(&self.path, "it has no manifest")),
            State::Damaged(what) => Err(Error::invalid(&self.path, what.clone())),
        }
    }
}

impl BackupFolder {
    /// The folder at `path`, which must be there.
    ///
    /// # Errors
    /// [`Error::NotFound`], if it is not.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Err(Error::not_found(format!(
                "there is no folder of backups {}",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The folder at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path) -> Result<Self> {
        files::create_private_folder(path)?;
        Self::open(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every backup in it, newest first; those without a sound manifest last, by name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn list(&self) -> Result<Vec<Backup>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).at("list", &self.path)? {
            let name = entry.at("list", &self.path)?.file_name();
            let name = name.to_string_lossy().into_owned();
            let payload = name.strip_suffix(MANIFEST_SUFFIX).unwrap_or(&name);
            if names::is_payload(payload) {
                names.push(payload.to_owned());
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        names.dedup();
        let mut backups: Vec<_> = names
            .iter()
            .map(|name| Backup::read(&self.path.join(name)))
            .collect();
        backups.sort_by_key(|backup| std::cmp::Reverse(backup.sequence()));
        Ok(backups)
    }

    /// The backup that `wanted` names: `latest` (but for those that a restore made), its place in the list from 1, its file, its file's
    /// name, or the beginning of its id.
    ///
    /// # Errors
    /// [`Error::NotFound`], or [`Error::Usage`] if several begin like that.
    pub fn find(&self, wanted: &str) -> Result<Backup> {
        let backups = self.list()?;
        let nothing = || {
            Error::not_found(format!(
                "there is no backup {wanted} in {}",
                self.path.display()
            ))
        };
        if wanted == "latest" {
            // What a restore backed up before it is there for its undo.
            let sound = |it: &&Backup| {
                it.manifest()
                    .is_some_and(|it| !it.is_condemned() && it.reason != Reason::PreRestore)
            };
            return backups.iter().find(sound).cloned().ok_or_else(nothing);
        }
        if let Ok(number @ 1..=9999) = wanted.parse::<usize>() {
            return backups.get(number - 1).cloned().ok_or_else(nothing);
        }
        let matches = |it: &&Backup| {
            it.name() == wanted
                || it.manifest().is_some_and(|it| {
                    wanted.len() >= 4 && it.backup_id.to_string().starts_with(wanted)
                })
        };
        let mut found = backups.iter().filter(matches);
        match (found.next(), found.next()) {
            (Some(backup), None) => Ok(backup.clone()),
            (Some(_), Some(_)) => Err(Error::usage(format!(
                "several backups have an id that begins with {wanted}; give more of it"
            ))),
            _ if Path::new(wanted).is_file() => Backup::at(Path::new(wanted)),
            _ => Err(nothing()),
        }
    }

    /// The newest backup that was made not after `moment`.
    ///
    /// # Errors
    /// [`Error::NotFound`], if there is none.
    pub fn find_at(&self, moment: Timestamp) -> Result<Backup> {
        let fits = |it: &Manifest| it.created() <= moment && !it.is_condemned();
        let mut found: Vec<_> = self.list()?;
        found.retain(|it| it.manifest().is_some_and(fits));
        let newest = found
            .into_iter()
            .max_by_key(|it| it.manifest().map(|it| (it.created_at_ms, it.sequence)));
        newest.ok_or_else(|| {
            Error::not_found(format!(
                "there is no backup from {} UTC or before in {}",
                names::display_utc(moment),
                self.path.display()
            ))
        })
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Result<Backup> {
        let same = |it: &Backup| it.manifest().is_some_and(|it| it.backup_id == id);
        let found = self.list()?.into_iter().find(same);
        found.ok_or_else(|| {
            Error::not_found(format!(
                "there is no backup {id} in {}",
                self.path.display()
            ))
        })
    }

    /// The number of the next backup, which is newer than every other.
    pub(crate) fn next_sequence(&self) -> Result<u64> {
        Ok(self.list()?.first().map_or(0, Backup::sequence) + 1)
    }

    /// The newest full backup that was found sound.
    pub(crate) fn newest_verified_full(backups: &[Backup]) -> Option<&Manifest> {
        let mut manifests = backups.iter().filter_map(Backup::manifest);
        manifests.find(|it| it.kind == Kind::Full && it.is_verified())
    }

    /// One tool at a time changes what is in the folder. Also sweeps what an earlier one left that
    /// was ended in the middle.
    pub(crate) fn lock(&self, holder: &str, control: &Control) -> Result<LockFile> {
        let work = self.work()?;
        let lock = wait_for_lock(&work.join("folder.lock"), holder, LOCK_WAIT, control)?;
        let is_swapping = files::parent(&self.path).join(RESTORE_JOURNAL).exists();
        for entry in fs::read_dir(&work).at("list", &work)? {
            let entry = entry.at("list", &work)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(WORK_PREFIX) || (name.starts_with(SWAP_PREFIX) && !is_swapping) {
                files::remove_tree(&entry.path())?;
            }
        }
        Ok(lock)
    }

    /// The folder for what is being made.
    pub(crate) fn work(&self) -> Result<PathBuf> {
        let work = self.path.join(".work");
        files::create_private_folder(&work)?;
        Ok(work)
    }

    /// A name in the work folder that nothing has, and that goes when its holder does.
    pub(crate) fn work_file(&self, what: &str) -> Result<WorkFile> {
        let name = format!("{WORK_PREFIX}{}-{what}", Uuid::now_v7().simple());
        Ok(WorkFile::at(self.work()?.join(name)))
    }

    /// The folder for damaged databases, each set of files together.
    pub(crate) fn quarantine(&self) -> Result<PathBuf> {
        let quarantine = self.path.join("quarantine");
        files::create_private_folder(&quarantine)?;
        Ok(quarantine)
    }
}

/// Waits a while for a lock that another tool holds.
pub(crate) fn wait_for_lock(
    path: &Path,
    holder: &str,
    wait: Duration,
    control: &Control,
) -> Result<LockFile> {
    let end = Instant::now() + wait;
    loop {
        match LockFile::acquire(path, holder) {
            Err(OpenError::Locked { .. }) if Instant::now() < end => {
                control.check()?;
                std::thread::sleep(LOCK_RETRY);
            }
            outcome => return outcome.at("lock", path),
        }
    }
}
