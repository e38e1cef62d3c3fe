//! How the app backs up by itself. A row of the settings, but apart from the others: a window that
//! saves those does not set these back.

use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, Result};
use crate::limits;
use crate::transaction::{ReadTx, WriteTx};

const ROW: &str = "backups";

/// When the app backs up by itself, and how much of that it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct BackupSettings {
    /// Whether it does. Before a migration and before a restore it does in any case.
    pub automatic: bool,
    /// Minutes between two full backups, if something changed: 5 to 10080.
    pub interval_minutes: u32,
    /// Minutes between two points in time, if something changed: 1 to 1440; 0 for none.
    pub point_minutes: u32,
    /// How much is kept.
    pub keep: BackupKeep,
}

/// Which backups are kept, each rule on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct BackupKeep {
    /// Everything younger than so many hours: 1 to 8760.
    pub within_hours: u32,
    /// The newest of each of so many days: 0 to 1000.
    pub daily: u32,
    /// The same of weeks.
    pub weekly: u32,
    /// The same of months.
    pub monthly: u32,
    /// Beyond so many bytes the oldest go: 100 MiB or more; `None` for no limit.
    pub max_bytes: Option<u64>,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            automatic: true,
            interval_minutes: 30,
            point_minutes: 15,
            keep: BackupKeep::default(),
        }
    }
}

impl Default for BackupKeep {
    fn default() -> Self {
        Self {
            within_hours: 48,
            daily: 14,
            weekly: 8,
            monthly: 12,
            max_bytes: Some(5 << 30),
        }
    }
}

impl BackupSettings {
    fn check(&self) -> Result<()> {
        let keep = &self.keep;
        let numbers = [
            ("minutes between backups", self.interval_minutes, 5, 10_080),
            ("minutes between points", self.point_minutes, 0, 1440),
            ("hours of backups kept", keep.within_hours, 1, 8760),
            ("daily backups kept", keep.daily, 0, 1000),
            ("weekly backups kept", keep.weekly, 0, 1000),
            ("monthly backups kept", keep.monthly, 0, 1000),
        ];
        for (field, value, min, max) in numbers {
            limits::range(field, Some(value.into()), min.into(), max.into())?;
        }
        match keep.max_bytes {
            Some(..MAX_BYTES_MIN) => Err(Error::invalid(
                "size of all backups",
                "must be 100 MiB or more",
            )),
            _ => Ok(()),
        }
    }
}

const MAX_BYTES_MIN: u64 = 100 << 20;

/// Returns the settings; at their defaults if they were never set or cannot be read.
///
/// # Errors
/// What SQLite reports.
pub fn get(tx: &ReadTx<'_>) -> Result<BackupSettings> {
    let value: Option<String> = tx.value("SELECT value FROM settings WHERE name = ?1", [ROW])?;
    let saved = value.and_then(|value| serde_json::from_str(&value).ok());
    Ok(saved.unwrap_or_default())
}

/// Sets the settings.
///
/// # Errors
/// [`Error::Invalid`] for a number out of its range.
pub fn update(tx: &WriteTx<'_>, settings: &BackupSettings) -> Result<()> {
    settings.check()?;
    let value = serde_json::to_string(settings)
        .map_err(|error| Error::invalid("settings", error.to_string()))?;
    tx.execute(
        "INSERT INTO settings (name, value)
         VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (ROW, value),
    )?;
    tx.changed(Entity::Settings, "");
    Ok(())
}
