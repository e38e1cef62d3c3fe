//! Restoring: everything that can fail is done on a copy before the live database is touched.
//!
//! A sound live database is replaced through SQLite, in one transaction, also while the app runs.
//! One that is missing or damaged is replaced by renames, with nobody else at it.

use std::path::{Path, PathBuf};

use chatkeep_store::Timestamp;
use chatkeep_store::upkeep::{self, LockFile, lock_path};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::check::{self, FullText};
use crate::compare;
use crate::control::{Control, Phase};
use crate::create::{self, CreateOptions};
use crate::database::{self, Facts};
use crate::error::{At, Error, Result, with_causes};
use crate::files::{self, WorkFile};
use crate::folder::{Backup, BackupFolder, Place};
use crate::gate::Held;
use crate::manifest::{Level, Reason};
use crate::pack::Key;
use crate::snapshot;
use crate::swap;
use crate::verify;

/// How a restore is done.
#[derive(Clone, Copy)]
pub struct RestoreOptions<'a> {
    /// What opens the backup, if it is encrypted.
    pub key: Option<&'a Key>,
    /// Whether a backup of another store may replace this one.
    pub allow_foreign: bool,
    /// Whether the database that is replaced is backed up first.
    pub safety_backup: bool,
    /// How the database is replaced.
    pub mode: Mode,
    /// The time now.
    pub now: Timestamp,
}

/// How the live database is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Online if it is sound, else offline.
    Auto,
    /// Through SQLite in one transaction; the app may run.
    Online,
    /// By putting another file in its place; the app must not run.
    Offline,
}

/// What a restore would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The backup.
    #[serde(serialize_with = "as_text")]
    pub backup: PathBuf,
    /// Its id, if it has a manifest.
    pub backup_id: Option<Uuid>,
    /// When it was made: milliseconds since the Unix epoch.
    pub created_at_ms: Option<i64>,
    /// How long ago that is.
    pub age_ms: Option<i64>,
    /// The schema it has; it is brought up to date on the way.
    pub schema: u32,
    /// The schema that this program writes.
    pub schema_after: u32,
    /// What there is now.
    pub live: Live,
    /// Rows now and then, by table.
    pub tables: Vec<TableChange>,
    /// When the newest message of the live database was written: milliseconds since the Unix epoch.
    pub newest_message_now_ms: Option<i64>,
    /// The same of the backup.
    pub newest_message_then_ms: Option<i64>,
    /// What was not checked, and what else should be known.
    pub notes: Vec<String>,
}

/// A path need not be text; JSON must.
fn as_text<S: Serializer>(path: &Path, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

/// What is in the live database's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Live {
    /// Nothing.
    Missing,
    /// A database that can be read.
    Readable,
    /// A file that cannot be read as one.
    Damaged {
        /// What was met.
        what: String,
    },
}

/// A table's rows now and after the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// Rows in the live database; `None` if they cannot be read.
    pub now: Option<u64>,
    /// Rows in the backup.
    pub then: u64,
    /// Rows that are in the backup and not in the live database; `None` if that cannot be told.
    pub gained: Option<u64>,
    /// Rows that are in the live database and not in the backup.
    pub lost: Option<u64>,
}

/// A restore that was checked and not yet done. Dropping it leaves everything as it was.
pub struct Prepared {
    plan: Plan,
    place: Place,
    safety_backup: bool,
    mode: Mode,
    now: Timestamp,
    stage: WorkFile,
    facts: Facts,
    // Dropped last: nobody else works here meanwhile.
    _folder_lock: LockFile,
    _place_lock: LockFile,
}

/// A restore that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When: milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The backup that was restored.
    pub from: String,
    /// How.
    pub mode: Mode,
    /// The backup that was made just before, if there was one to make.
    pub safety_backup: Option<Uuid>,
    /// Where the former files are, if they were moved away.
    pub former: Option<String>,
}

/// Makes the database of `backup` beside the live one and checks it as if nobody could be trusted.
///
/// # Errors
/// Why it cannot be restored; nothing was changed.
pub fn prepare(
    place: &Place,
    backup: &Backup,
    options: RestoreOptions<'_>,
    control: &Control,
) -> Result<Prepared> {
    swap::finish_interrupted(place, control)?;
    let place_lock = place.lock("restore-db", control)?;
    let beside = BackupFolder::create(place.beside().path())?;
    let folder_lock = beside.lock("restore-db", control)?;
    let stage = stage_folder(&beside)?;
    let (live, live_facts) = look_at_live(place, control);
    let expected_uid = live_facts.as_ref().and_then(|it| it.uid.clone());
    let staged = Staged::make(&stage, backup, &options, expected_uid.as_deref(), control)?;
    let mut plan = plan(backup, live, live_facts.as_ref(), &staged, options.now);
    compare::complete(&mut plan, place, &swap::set_in(&stage.path), control)?;
    Ok(Prepared {
        plan,
        place: place.clone(),
        safety_backup: options.safety_backup,
        mode: options.mode,
        now: options.now,
        stage,
        facts: staged.facts,
        _folder_lock: folder_lock,
        _place_lock: place_lock,
    })
}

/// Writes the database of `backup`, checked and up to date, to the new file `to`.
///
/// # Errors
/// [`Error::Usage`], if there is a file or a part of one already, and why it cannot be restored.
pub fn restore_to(
    backup: &Backup,
    to: &Path,
    options: &RestoreOptions<'_>,
    control: &Control,
) -> Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let taken = files::with_suffix(to, suffix);
        if taken.try_exists().at("look at", &taken)? {
            return Err(Error::usage(format!(
                "{} is there already",
                taken.display()
            )));
        }
    }
    let work = files::parent(to).join(format!(".chatkeep-restore-{}", Uuid::now_v7().simple()));
    let stage = WorkFile::at(work);
    files::create_private_folder(&stage.path)?;
    Staged::make(&stage, backup, options, None, control)?;
    files::publish(&swap::set_in(&stage.path), to)
}

fn stage_folder(beside: &BackupFolder) -> Result<WorkFile> {
    let stage = beside.work_file("stage")?;
    files::create_private_folder(&stage.path)?;
    Ok(stage)
}

/// A backup's database, ready to take the live one's place.
struct Staged {
    facts: Facts,
    schema_before: u32,
    notes: Vec<String>,
}

impl Staged {
    fn make(
        stage: &WorkFile,
        backup: &Backup,
        options: &RestoreOptions<'_>,
        live_uid: Option<&str>,
        control: &Control,
    ) -> Result<Self> {
        let path = swap::set_in(&stage.path);
        let room = backup
            .manifest()
            .map_or(files::size(&backup.path)?, |it| it.uncompressed.bytes);
        files::require_space(&stage.path, room)?;
        let before = verify::standard(backup, options.key, &path, FullText::Ids, control)?;
        require_own(&before, live_uid, options.allow_foreign)?;
        upkeep::upgrade(&path).at("upgrade", &path)?;
        adopt(&path, &before, live_uid, control)?;
        let facts = match before.database.user_version == upkeep::schema_version_max() {
            true => before.clone(),
            false => check::check(&path, FullText::Ids, control)?,
        };
        files::sync(&path)?;
        Ok(Self {
            facts,
            schema_before: before.database.user_version,
            notes: notes(backup),
        })
    }
}

fn notes(backup: &Backup) -> Vec<String> {
    match backup.manifest() {
        Some(_) => Vec::new(),
        None => vec![
            "this backup has no manifest: its digests and row counts were not compared; every \
             other check was made"
                .into(),
        ],
    }
}

fn require_own(found: &Facts, live_uid: Option<&str>, allow_foreign: bool) -> Result<()> {
    match (&found.uid, live_uid) {
        (Some(found), Some(expected)) if found != expected && !allow_foreign => {
            Err(Error::Foreign {
                found: found.clone(),
                expected: expected.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

/// A backup from before stores had a uid was given a fresh one by the upgrade; it is this store's.
fn adopt(path: &Path, before: &Facts, live_uid: Option<&str>, control: &Control) -> Result<()> {
    if let (None, Some(uid)) = (&before.uid, live_uid) {
        let connection = database::open_copy(path, control)?;
        upkeep::set_store_uid(&connection, uid).at("write", path)?;
        database::close(connection, path)?;
    }
    Ok(())
}

fn look_at_live(place: &Place, control: &Control) -> (Live, Option<Facts>) {
    let read = || {
        let connection = database::open_live(&place.database, control)?;
        snapshot::begin_snapshot(&connection, &place.database)?;
        database::facts(&connection, &place.database)
    };
    match read() {
        Ok(facts) => (Live::Readable, Some(facts)),
        Err(Error::NotFound { .. }) => (Live::Missing, None),
        Err(error) => (
            Live::Damaged {
                what: with_causes(&error),
            },
            None,
        ),
    }
}

fn plan(
    backup: &Backup,
    live: Live,
    live_facts: Option<&Facts>,
    staged: &Staged,
    now: Timestamp,
) -> Plan {
    let manifest = backup.manifest();
    let rows_now =
        |table: &String| live_facts.map(|it| it.content.get(table).map_or(0, |it| it.rows));
    let tables = staged
        .facts
        .content
        .iter()
        .map(|(table, content)| TableChange {
            table: table.clone(),
            now: rows_now(table),
            then: content.rows,
            gained: None,
            lost: None,
        });
    Plan {
        backup: backup.path.clone(),
        backup_id: manifest.map(|it| it.backup_id),
        created_at_ms: manifest.map(|it| it.created_at_ms),
        age_ms: manifest.map(|it| now.as_ms() - it.created_at_ms),
        schema: staged.schema_before,
        schema_after: staged.facts.database.user_version,
        live,
        tables: tables.collect(),
        newest_message_now_ms: None,
        newest_message_then_ms: None,
        notes: staged.notes.clone(),
    }
}

impl Prepared {
    /// What it would change.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Does it.
    ///
    /// # Errors
    /// [`Error::Busy`], if another program holds the database and cannot be asked to let go;
    /// [`Error::RolledBack`], if it failed and everything is as before; [`Error::Manual`], if it
    /// failed and a person has to choose.
    pub fn apply(self, control: &Control) -> Result<Restored> {
        let holder = Holder::take(&self.place, control)?;
        let outcome = self.apply_held(&holder, control);
        if let Holder::App(held) = holder {
            // What failed may still have been committed: the app reads everything anew.
            held.release(true);
        }
        outcome
    }

    fn apply_held(&self, holder: &Holder, control: &Control) -> Result<Restored> {
        let (safety, sound) = self.safety_backup(control)?;
        let online = match self.mode {
            Mode::Auto => sound,
            Mode::Online if !sound => {
                return Err(Error::usage(
                    "the live database is not sound: it can only be replaced offline",
                ));
            }
            Mode::Online => true,
            Mode::Offline => false,
        };
        let former = if online {
            self.write_online(safety.as_ref(), control)?;
            None
        } else {
            self.require_alone(holder)?;
            Some(self.replace_offline(control)?)
        };
        let restored = Restored {
            at_ms: self.now.as_ms(),
            from: self.plan.backup.display().to_string(),
            mode: if online { Mode::Online } else { Mode::Offline },
            safety_backup: safety
                .as_ref()
                .and_then(Backup::manifest)
                .map(|it| it.backup_id),
            former,
        };
        record(&self.place, &restored)?;
        Ok(restored)
    }

    /// Backs up what is about to be replaced. Tells, too, whether that is a sound database.
    fn safety_backup(&self, control: &Control) -> Result<(Option<Backup>, bool)> {
        if self.plan.live != Live::Readable {
            return Ok((None, false));
        }
        if !self.safety_backup {
            return Ok((None, true));
        }
        let options = CreateOptions {
            verify: Level::Standard,
            ..CreateOptions::new(Reason::PreRestore, self.now)
        };
        match create::create_for_restore(&self.place, &options, control) {
            Ok(backup) => Ok((Some(backup), true)),
            // Offline, the damaged files themselves are kept.
            Err(Error::SourceCorrupt { .. }) => Ok((None, false)),
            Err(error) => Err(error),
        }
    }

    fn require_alone(&self, holder: &Holder) -> Result<()> {
        match holder {
            Holder::Us(_) => Ok(()),
            Holder::App(_) => Err(Error::Busy {
                file: self.place.database.clone(),
                holder: "Chatkeep; a damaged database can only be replaced once that has quit"
                    .into(),
            }),
        }
    }

    fn write_online(&self, safety: Option<&Backup>, control: &Control) -> Result<()> {
        let stage = swap::set_in(&self.stage.path);
        overwrite(&stage, &self.place.database, control)?;
        let Err(error) = self.require_restored(control) else {
            return Ok(());
        };
        let what = with_causes(&error);
        let back = safety.map(|it| overwrite(&it.path, &self.place.database, &Control::default()));
        match back {
            Some(Ok(())) => Err(Error::RolledBack { what }),
            _ => Err(Error::Manual {
                what,
                former: safety.map_or_else(PathBuf::new, |it| it.path.clone()),
                stage,
            }),
        }
    }

    fn replace_offline(&self, control: &Control) -> Result<String> {
        // Under a name that no sweep takes for what a tool left that was ended in the middle.
        let incoming = swap::incoming(&self.place)?;
        files::rename(&self.stage.path, &incoming)?;
        let former = swap::replace(&self.place, &incoming)?;
        let Err(error) = self.require_restored(control) else {
            return Ok(former.display().to_string());
        };
        let what = with_causes(&error);
        if swap::set_in(&former).exists() && swap::replace(&self.place, &former).is_ok() {
            return Err(Error::RolledBack { what });
        }
        Err(Error::Manual {
            what,
            former: swap::set_in(&former),
            stage: self.place.database.clone(),
        })
    }

    /// Reads the live database again: success is what was seen, not what was not reported.
    fn require_restored(&self, control: &Control) -> Result<()> {
        let path = &self.place.database;
        let connection = database::open_live(path, control)?;
        let found = database::facts(&connection, path)?;
        let verdict: String = connection
            .pragma_query_value(None, "quick_check", |row| row.get(0))
            .at("check", path)?;
        if verdict != "ok" {
            return Err(Error::invalid(path, verdict));
        }
        if found.content != self.facts.content {
            return Err(Error::invalid(path, "its rows are not those of the backup"));
        }
        Ok(())
    }
}

/// Who keeps others from writing during the restore.
enum Holder {
    Us(#[expect(dead_code, reason = "held, not read")] LockFile),
    App(Held),
}

impl Holder {
    fn take(place: &Place, control: &Control) -> Result<Self> {
        let lock = lock_path(&place.database);
        if let Ok(lock) = LockFile::acquire(&lock, "restore-db") {
            return Ok(Self::Us(lock));
        }
        match Held::ask(place.data_folder())? {
            Some(held) => Ok(Self::App(held)),
            None => place.store_lock(control).map(Self::Us),
        }
    }
}

/// Writes every page of `from` into the live database, in one transaction.
fn overwrite(from: &Path, live: &Path, control: &Control) -> Result<()> {
    let outcome = (|| {
        let mut target = database::open_live_to_write(live, control)?;
        same_layout(from, &target, live, control)?;
        let source = database::open_copy(from, control)?;
        snapshot::run(&source, &mut target, Phase::Restore, live, control, |_| {
            Ok(())
        })?;
        // The commit lasts with the log; without the checkpoint the log is only longer.
        let _ = target.pragma_update(None, "wal_checkpoint", "TRUNCATE");
        database::close(source, from)?;
        database::close(target, live)
    })();
    database::or_stopped(outcome, control)
}

/// SQLite refuses to write pages of another size into a database in WAL mode.
fn same_layout(
    from: &Path,
    target: &rusqlite::Connection,
    live: &Path,
    control: &Control,
) -> Result<()> {
    let source = database::open_copy(from, control)?;
    for pragma in ["page_size", "auto_vacuum"] {
        let value = |it: &rusqlite::Connection| {
            it.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0))
        };
        let wanted = value(target).at("read", live)?;
        if value(&source).at("read", from)? != wanted {
            source
                .pragma_update(None, pragma, wanted)
                .at("write", from)?;
            source.execute_batch("VACUUM").at("rewrite", from)?;
        }
    }
    database::close(source, from)
}

fn record_path(place: &Place) -> Result<PathBuf> {
    Ok(place.beside().work()?.join("last-restore.json"))
}

pub(crate) fn record(place: &Place, restored: &Restored) -> Result<()> {
    let text = serde_json::to_vec_pretty(restored).map_err(|error| Error::Faulty {
        what: format!("the record of the restore cannot be written: {error}"),
    })?;
    files::replace(&record_path(place)?, &text)
}

/// The last restore, if there was one.
///
/// # Errors
/// [`Error::Invalid`], if its record is damaged.
pub fn last_restore(place: &Place) -> Result<Option<Restored>> {
    let path = record_path(place)?;
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => serde_json::from_slice(&text.at("read", &path)?)
            .map(Some)
            .map_err(|error| Error::invalid(&path, error.to_string())),
    }
}

/// The backup that takes the last restore back: what was there before it.
///
/// # Errors
/// [`Error::NotFound`], if there was no restore or nothing before it.
pub fn undo_backup(place: &Place) -> Result<Backup> {
    let last = last_restore(place)?
        .ok_or_else(|| Error::not_found("there was no restore that could be taken back"))?;
    match last {
        Restored {
            safety_backup: Some(id),
            ..
        } => place.beside().by_id(id),
        Restored {
            former: Some(former),
            ..
        } => Err(Error::not_found(format!(
            "what was there before the last restore was no sound database; its files are in {former}"
        ))),
        _ => Err(Error::not_found(
            "the last restore was made without a backup before it",
        )),
    }
}
