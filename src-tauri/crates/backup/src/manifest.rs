//! The manifest beside each backup: what it is, what it must be when it is read back, and what was
//! proven about it. It is written last; a payload without one is not a managed backup.
//!
//! The last line is the BLAKE3 of every byte before it, so that any change of the text is noticed.
//! Fields that this version does not know are kept and written again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chatkeep_store::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::digest::Digests;
use crate::error::{At, Error, Result};
use crate::files;
use crate::names::MANIFEST_SUFFIX;

/// The version of this format; a larger one is refused.
pub const FORMAT_VERSION: u32 = 1;
/// A manifest is a few KiB; more is not read.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// What SQLite allows: <https://sqlite.org/fileformat2.html>.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65_536;
/// The largest number that every reader of JSON takes for what it is.
const NUMBER_MAX: u64 = 1 << 53;
/// Between the text and its checksum.
const CHECKSUM_KEY: &str = "\n  \"manifest_blake3\": \"";
const CHECKSUM_END: &str = "\"\n}\n";

/// Whether a backup stands by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The whole database.
    Full,
    /// The pages that changed since its base.
    Delta,
}

/// What a backup was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A person asked for it.
    Manual,
    /// Its time had come.
    Scheduled,
    /// The schema was about to be changed.
    PreMigration,
    /// A restore was about to replace the database.
    PreRestore,
    /// Many sessions or messages were about to be deleted.
    PreDelete,
    /// An import was about to add many.
    PreImport,
    /// The app was being closed.
    Exit,
}

impl Reason {
    /// Every reason with its name on the command line.
    pub const ALL: [(&'static str, Self); 7] = [
        ("manual", Self::Manual),
        ("scheduled", Self::Scheduled),
        ("pre-migration", Self::PreMigration),
        ("pre-restore", Self::PreRestore),
        ("pre-delete", Self::PreDelete),
        ("pre-import", Self::PreImport),
        ("exit", Self::Exit),
    ];

    /// The reason's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, reason)| *reason == self);
        named.map_or("", |(name, _)| name)
    }
}

/// One backup: what it is and what was proven about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format_version: u32,
    /// This backup's id, the same wherever it is copied.
    pub backup_id: Uuid,
    /// Its place in the folder's order, which does not depend on any clock.
    pub sequence: u64,
    /// Whether it stands by itself.
    pub kind: Kind,
    /// What it was made for.
    pub reason: Reason,
    /// Whether it is kept until somebody unpins it.
    pub pinned: bool,
    /// When the snapshot was taken: milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The same as RFC 3339, with the offset of the computer's time zone then.
    pub created_at: String,
    /// The program that made it.
    pub app: App,
    /// The kind of computer that it was made on.
    pub host: Host,
    /// The store's uid; `None` if it is from before there was one.
    pub db_uid: Option<String>,
    /// The database as it was.
    pub database: Database,
    /// The file beside this manifest.
    pub payload: Payload,
    /// What comes out of it.
    pub uncompressed: Uncompressed,
    /// Rows and highest row id of every table, taken in the same snapshot as the copy.
    pub content: BTreeMap<String, TableContent>,
    /// Of a delta: what it builds on.
    pub base: Option<Base>,
    /// How the payload is compressed.
    pub compression: Option<Compression>,
    /// How the payload is encrypted.
    pub encryption: Option<Encryption>,
    /// The last check of the whole database that it passed or failed.
    pub verification: Option<Verification>,
    /// How long it took.
    pub timing: Timing,
    /// What is kept outside the database and is not in here.
    pub external: External,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The program that made a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The kind of computer that a backup was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The operating system.
    pub os: String,
    /// The processor.
    pub arch: String,
}

/// The database as it was when it was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// SQLite's mark of whose format it is.
    pub application_id: i32,
    /// The version of the schema.
    pub user_version: u32,
    /// The migrations that it has been through: version, name, checksum.
    pub migrations: Vec<(u32, String, String)>,
    /// The SQLite that copied it.
    pub sqlite_version: String,
    /// Bytes a page.
    pub page_size: u32,
    /// Pages in the file.
    pub page_count: u32,
    /// Pages that hold nothing.
    pub freelist_count: u32,
    /// The encoding of text.
    pub encoding: String,
    /// Whether and how it gives back free pages.
    pub auto_vacuum: u32,
    /// The journal mode of the source; the copy is in `delete`.
    pub journal_mode: String,
}

/// The file beside a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Its name.
    pub file: String,
    /// Its digests.
    #[serde(flatten)]
    pub digests: Digests,
}

/// What comes out of a payload: the database file that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncompressed {
    /// Bytes of the database file.
    pub bytes: u64,
    /// SHA-256 of the database file; of a delta it is not known, the page checksum holds.
    pub sha256: Option<String>,
    /// The sum over all pages, in any order, of the keyed hash of number and content.
    pub page_checksum: String,
}

/// What is counted of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContent {
    /// How many rows it has.
    pub rows: u64,
    /// The highest row id; `None` if it is empty or has no row ids.
    pub rowid_max: Option<i64>,
}

/// What a delta builds on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The full backup at the start of the chain.
    pub full_id: Uuid,
    /// The backup just before this one: the full, or another delta.
    pub backup_id: Uuid,
    /// The page checksum of the database that it is applied to.
    pub page_checksum: String,
}

/// How a payload is compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compression {
    /// The name of the format.
    pub algorithm: String,
    /// How hard it tried.
    pub level: i32,
}

/// How a payload is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// The name of the format.
    pub format: String,
    /// `passphrase` or `recipients`.
    pub key: String,
}

/// How thoroughly a backup was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Its digests.
    Quick,
    /// The database in it: every page, row and reference, and of which texts its full-text indexes are.
    Standard,
    /// A real restore with every migration, the store opened on it, and every word of the indexes
    /// compared with the texts.
    Drill,
}

impl Level {
    /// The level's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Drill => "drill",
        }
    }
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// When: milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How thorough it was.
    pub level: Level,
    /// Whether the backup passed.
    pub ok: bool,
    /// What was found, if it did not.
    pub what: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// When it last passed a drill: the last proven restore.
    pub drilled_at_ms: Option<i64>,
}

/// How long a backup took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the first page to the last byte on disk.
    pub duration_ms: u64,
    /// For how long the snapshot was held.
    pub snapshot_ms: u64,
}

/// What is kept outside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Whether the API keys are in here: they never are, they lie in the system's keychain.
    pub api_keys: String,
}

impl Manifest {
    /// When the snapshot was taken.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        Timestamp::from_ms(self.created_at_ms)
    }

    /// Whether the database in it was found sound; digests alone do not tell that.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verification
            .as_ref()
            .is_some_and(|it| it.ok && it.level >= Level::Standard)
    }

    /// Whether a check found it damaged.
    #[must_use]
    pub fn is_condemned(&self) -> bool {
        self.verification.as_ref().is_some_and(|it| !it.ok)
    }

    /// Reads and checks the manifest at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if files::size(path)? > MANIFEST_BYTES_MAX {
            return Err(Error::invalid(path, "the manifest is too large to be one"));
        }
        let text = std::fs::read(path).at("read", path)?;
        Self::parse(&text).map_err(|what| Error::invalid(path, what))
    }

    /// Writes it beside its payload, in place of the one that may be there.
    pub(crate) fn write(&self, payload: &Path) -> Result<()> {
        files::replace(&manifest_path(payload), self.to_text()?.as_bytes())
    }

    fn to_text(&self) -> Result<String> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Error::usage(format!("the manifest cannot be written: {error}")))?;
        // "{ … \n}" becomes "{ … ,": the checksum is the last field.
        let body = json.trim_end_matches('}').trim_end();
        let text = format!("{body},");
        let checksum = blake3::hash(text.as_bytes()).to_hex();
        Ok(format!("{text}{CHECKSUM_KEY}{checksum}{CHECKSUM_END}"))
    }

    /// Parses a manifest's bytes; what is wrong with them is told in words.
    ///
    /// # Errors
    /// The reason, as a sentence.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the manifest is not text")?;
        let (body, rest) = text
            .rsplit_once(CHECKSUM_KEY)
            .ok_or("the manifest has no checksum")?;
        let checksum = rest
            .strip_suffix(CHECKSUM_END)
            .ok_or("the manifest's end is damaged")?;
        if checksum != blake3::hash(body.as_bytes()).to_hex().as_str() {
            return Err("the manifest is damaged: its checksum does not fit".into());
        }
        let mut manifest: Self = serde_json::from_str(text)
            .map_err(|error| format!("the manifest cannot be read: {error}"))?;
        manifest.other.remove("manifest_blake3");
        if manifest.format_version > FORMAT_VERSION {
            return Err(format!(
                "the manifest has format {}; this version reads up to {FORMAT_VERSION}",
                manifest.format_version
            ));
        }
        manifest.require_plausible()?;
        Ok(manifest)
    }

    /// Whoever can write a manifest can seal it: what is counted with is within its bounds, and the
    /// sum of all sizes in a folder is a number too.
    fn require_plausible(&self) -> std::result::Result<(), String> {
        let Database {
            page_size,
            page_count,
            ..
        } = self.database;
        let times = [
            Some(self.created_at_ms),
            self.verification.as_ref().map(|it| it.at_ms),
            self.verification.as_ref().and_then(|it| it.drilled_at_ms),
        ];
        let is_time = |ms: i64| jiff::Timestamp::from_millisecond(ms).is_ok();
        let is_plausible = page_size.is_power_of_two()
            && PAGE_SIZES.contains(&page_size)
            && self.uncompressed.bytes == u64::from(page_size) * u64::from(page_count)
            && self.payload.digests.bytes <= NUMBER_MAX
            && self.sequence <= NUMBER_MAX
            && times.into_iter().flatten().all(is_time);
        match is_plausible {
            true => Ok(()),
            false => Err("the manifest holds numbers that no backup has".into()),
        }
    }
}

/// The manifest of the payload at `payload`.
pub(crate) fn manifest_path(payload: &Path) -> PathBuf {
    files::with_suffix(payload, MANIFEST_SUFFIX)
}
