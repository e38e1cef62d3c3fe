//! The app's own settings: a row each, as JSON, so that a new one needs no migration and a damaged
//! one costs no other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::change::Entity;
use crate::context::RecallFrom;
use crate::error::{Error, Result};
use crate::ids::SessionId;
use crate::limits;
use crate::row::from_row;
use crate::sessions;
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

/// How the app finds pins by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub enum AutoPins {
    /// Not at all.
    Off,
    /// By clear rules.
    #[default]
    Rules,
    /// By clear rules, and by the session's model.
    Model,
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
    /// Whether summaries are written by themselves.
    pub summarize: bool,
    /// From how many messages outside the context on: 2 to 200.
    pub summary_after_messages: u32,
    /// Or from how much of the budget they would take, in percent: 5 to 100.
    pub summary_after_percent: u32,
    /// The model that writes summaries, recaps and pins: "endpoint/model"; nothing: the session's.
    pub summary_model: Option<String>,
    /// Whether a new session is named by what it is about.
    pub recaps: bool,
    /// How pins are found.
    pub auto_pins: AutoPins,
    /// Percent of the budget for old messages that are about the user's last one: 0 to 50; 0: none
    /// is recalled.
    pub recall_percent: u32,
    /// Which sessions they may be of.
    pub recall_from: RecallFrom,
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
        )?;
        limits::range(
            "messages before a summary",
            Some(f64::from(self.summary_after_messages)),
            2.0,
            200.0,
        )?;
        limits::range(
            "percent of the budget before a summary",
            Some(f64::from(self.summary_after_percent)),
            5.0,
            100.0,
        )?;
        sessions::check_model(self.summary_model.as_deref())?;
        limits::range(
            "percent of recalled messages",
            Some(f64::from(self.recall_percent)),
            0.0,
            50.0,
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
            summarize: true,
            summary_after_messages: 8,
            summary_after_percent: 25,
            summary_model: None,
            recaps: true,
            auto_pins: AutoPins::Rules,
            recall_percent: 10,
            recall_from: RecallFrom::ThisSession,
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

/// Sets all settings. Another lifetime of temporary sessions is that of those there are, too.
///
/// # Errors
/// [`Error::Invalid`] for a number out of its range, or a model that is not "endpoint/model".
pub fn update(tx: &WriteTx<'_>, settings: &Settings) -> Result<Settings> {
    settings.check()?;
    let longer_ms = settings.temporary_lifetime_ms() - get(tx)?.temporary_lifetime_ms();
    if longer_ms != 0 {
        sessions::prolong_temporary(tx, longer_ms)?;
    }
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
