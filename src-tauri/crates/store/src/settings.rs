//! The app's own settings: a row each, as JSON, so that a new one needs no migration and a damaged
//! one costs no other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::change::Entity;
use crate::error::{Error, Result};
use crate::ids::SessionId;
use crate::limits;
use crate::row::from_row;
use crate::transaction::{ReadTx, WriteTx};

/// Which colours the window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum Theme {
    /// Those of the system.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The app's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Settings {
    /// Which colours the window has.
    pub theme: Theme,
    /// Whether the list of sessions is open.
    pub sidebar_open: bool,
    /// Whether the panel with summaries and pins is open.
    pub memory_open: bool,
    /// The session that was last on show.
    pub last_session_id: Option<SessionId>,
    /// Hours that a temporary session lives after its last message: 1 to 720.
    pub temporary_hours: u32,
    /// Days that something in the trash can be restored: 1 to 365.
    pub trash_days: u32,
    /// The model that messages are embedded with: the name of one on this computer, or
    /// "endpoint/model"; empty: none, and no search by meaning.
    pub embedding_model: String,
}

impl Settings {
    /// How long a temporary session lives after its last message, in milliseconds.
    #[must_use]
    pub fn temporary_lifetime_ms(&self) -> i64 {
        i64::from(self.temporary_hours) * 60 * 60 * 1000
    }

    /// How long something in the trash can be restored, in milliseconds.
    #[must_use]
    pub fn trash_lifetime_ms(&self) -> i64 {
        i64::from(self.trash_days) * 24 * 60 * 60 * 1000
    }

    fn check(&self) -> Result<()> {
        limits::range(
            "hours of a temporary session",
            Some(f64::from(self.temporary_hours)),
            1.0,
            720.0,
        )?;
        limits::range(
            "days in the trash",
            Some(f64::from(self.trash_days)),
            1.0,
            365.0,
        )
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            sidebar_open: true,
            memory_open: false,
            last_session_id: None,
            temporary_hours: 24,
            trash_days: 30,
            embedding_model: "all-MiniLM-L6-v2".to_owned(),
        }
    }
}

struct Row {
    name: String,
    value: String,
}

from_row!(Row { name, value });

/// Returns the settings; what was never set, or cannot be read, is at its default.
///
/// # Errors
/// What SQLite reports.
pub fn get(tx: &ReadTx<'_>) -> Result<Settings> {
    let rows: Vec<Row> = tx.list("SELECT name, value FROM settings", [])?;
    let mut settings = Settings::default();
    for row in rows {
        let one = serde_json::from_str(&row.value).map(|value| Map::from_iter([(row.name, value)]));
        if let Ok(changed) = one.and_then(|one| with(&settings, one)) {
            settings = changed;
        }
    }
    Ok(settings)
}

/// The settings with one of them set.
fn with(settings: &Settings, one: Map<String, Value>) -> serde_json::Result<Settings> {
    let mut all = serde_json::to_value(settings)?;
    if let Value::Object(all) = &mut all {
        all.extend(one);
    }
    serde_json::from_value(all)
}

/// Sets all settings.
///
/// # Errors
/// [`Error::Invalid`] for a number out of its range.
pub fn update(tx: &WriteTx<'_>, settings: &Settings) -> Result<Settings> {
    settings.check()?;
    let all = serde_json::to_value(settings)
        .map_err(|error| Error::invalid("settings", error.to_string()))?;
    for (name, value) in all.as_object().into_iter().flatten() {
        tx.execute(
            "INSERT INTO settings (name, value)
             VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value.to_string()),
        )?;
    }
    tx.changed(Entity::Settings, "");
    get(tx)
}
