//! Personas: who the model is asked to be, and with which parameters.

use rusqlite::types::Type;
use rusqlite::{Row, named_params};
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::{PersonaId, SessionId};
use crate::limits::{self, PROMPT_BYTES_MAX};
use crate::row::{FromRow, Positions, word_enum};
use crate::sessions;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

/// The most personas that one list returns.
pub const LIST_MAX: usize = 1000;
/// The most suggested models, or stop sequences, of one persona.
pub const ENTRIES_MAX: usize = 20;
/// The longest of these entries, in bytes.
const ENTRY_BYTES_MAX: usize = 1024;

word_enum! {
    /// What kind of model a persona is written for.
    PersonaCategory {
        /// One that a provider runs.
        Cloud = "cloud",
        /// One on this computer.
        Local = "local",
    }
}

/// What of a persona can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct PersonaFields {
    /// What it is called: 1 to 200 characters.
    pub name: String,
    /// The system prompt: at most 256 KiB.
    pub prompt: String,
    /// What it is for, to the user.
    pub description: String,
    /// An emoji, or nothing.
    pub icon: String,
    /// What kind of model it is written for.
    pub category: PersonaCategory,
    /// The model that a new session with it gets: "endpoint/model".
    pub default_model: Option<String>,
    /// Models that go well with it.
    pub suggested_models: Vec<String>,
    /// Randomness, 0 to 2; nothing: the provider's default, here and below.
    pub temperature: Option<f64>,
    /// The longest reply, in tokens.
    pub max_tokens: Option<u32>,
    /// Share of likely words that are drawn from, 0 to 1.
    pub top_p: Option<f64>,
    /// How strongly repetition is avoided, 0 to 2; 1 is not at all.
    pub repeat_penalty: Option<f64>,
    /// Texts at which the reply ends.
    pub stop_sequences: Vec<String>,
}

/// Who a model is asked to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Persona {
    /// Its id.
    pub id: PersonaId,
    /// What of it can be set.
    #[serde(flatten)]
    pub fields: PersonaFields,
    /// Whether it is the one that new sessions of its category get.
    pub is_default: bool,
    /// When it was made; 0 for those that come with the app.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl FromRow for Persona {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "prompt",
        "description",
        "icon",
        "category",
        "default_model",
        "suggested_models",
        "temperature",
        "max_tokens",
        "top_p",
        "repeat_penalty",
        "stop_sequences",
        "is_default",
        "created_at",
        "updated_at",
    ];

    fn from_row(row: &Row<'_>, positions: &mut Positions<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(positions.next())?,
            fields: PersonaFields {
                name: row.get(positions.next())?,
                prompt: row.get(positions.next())?,
                description: row.get(positions.next())?,
                icon: row.get(positions.next())?,
                category: row.get(positions.next())?,
                default_model: row.get(positions.next())?,
                suggested_models: list_column(row, positions.next())?,
                temperature: row.get(positions.next())?,
                max_tokens: row.get(positions.next())?,
                top_p: row.get(positions.next())?,
                repeat_penalty: row.get(positions.next())?,
                stop_sequences: list_column(row, positions.next())?,
            },
            is_default: row.get(positions.next())?,
            created_at: row.get(positions.next())?,
            updated_at: row.get(positions.next())?,
        })
    }
}

/// A list of texts, kept as a JSON array.
fn list_column(row: &Row<'_>, position: usize) -> rusqlite::Result<Vec<String>> {
    let json: String = row.get(position)?;
    serde_json::from_str(&json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(position, Type::Text, Box::new(error))
    })
}

fn json_array(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// Makes a persona.
///
/// # Errors
/// [`Error::Invalid`] for a value out of its limits.
pub fn insert(tx: &WriteTx<'_>, fields: &PersonaFields) -> Result<Persona> {
    check(fields)?;
    let id = PersonaId::new(tx.new_uuid().hyphenated().to_string());
    tx.execute(
        "INSERT INTO personas
             (id, name, prompt, description, icon, category, default_model, suggested_models,
              temperature, max_tokens, top_p, repeat_penalty, stop_sequences, created_at,
              updated_at)
         VALUES
             (:id, :name, :prompt, :description, :icon, :category, :default_model,
              :suggested_models, :temperature, :max_tokens, :top_p, :repeat_penalty,
              :stop_sequences, :now, :now)",
        named_params! {
            ":id": id,
            ":name": fields.name.trim(),
            ":prompt": fields.prompt,
            ":description": fields.description,
            ":icon": fields.icon,
            ":category": fields.category,
            ":default_model": fields.default_model,
            ":suggested_models": json_array(&fields.suggested_models),
            ":temperature": fields.temperature,
            ":max_tokens": fields.max_tokens,
            ":top_p": fields.top_p,
            ":repeat_penalty": fields.repeat_penalty,
            ":stop_sequences": json_array(&fields.stop_sequences),
            ":now": tx.now(),
        },
    )?;
    updated(tx, &id)
}

/// Returns the persona with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: &PersonaId) -> Result<Persona> {
    tx.find(
        "SELECT id, name, prompt, description, icon, category, default_model, suggested_models,
             temperature, max_tokens, top_p, repeat_penalty, stop_sequences, is_default,
             created_at, updated_at
         FROM personas
         WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Persona, id)
}

/// Returns the personas: defaults first, then by name, at most [`LIST_MAX`].
///
/// # Errors
/// What SQLite reports.
pub fn list(tx: &ReadTx<'_>) -> Result<Vec<Persona>> {
    tx.list(
        "SELECT id, name, prompt, description, icon, category, default_model, suggested_models,
             temperature, max_tokens, top_p, repeat_penalty, stop_sequences, is_default,
             created_at, updated_at
         FROM personas
         ORDER BY is_default DESC, name COLLATE NOCASE, id
         LIMIT ?1",
        [LIST_MAX],
    )
}

/// Changes a persona. A default that changes its category is no default there.
///
/// # Errors
/// [`Error::Invalid`] for a value out of its limits, [`Error::NotFound`] if there is no such persona.
pub fn update(tx: &WriteTx<'_>, id: &PersonaId, fields: &PersonaFields) -> Result<Persona> {
    check(fields)?;
    tx.execute(
        "UPDATE personas
         SET name = :name, prompt = :prompt, description = :description, icon = :icon,
             is_default = is_default AND category = :category, category = :category,
             default_model = :default_model, suggested_models = :suggested_models,
             temperature = :temperature, max_tokens = :max_tokens, top_p = :top_p,
             repeat_penalty = :repeat_penalty, stop_sequences = :stop_sequences,
             updated_at = :now
         WHERE id = :id",
        named_params! {
            ":id": id,
            ":name": fields.name.trim(),
            ":prompt": fields.prompt,
            ":description": fields.description,
            ":icon": fields.icon,
            ":category": fields.category,
            ":default_model": fields.default_model,
            ":suggested_models": json_array(&fields.suggested_models),
            ":temperature": fields.temperature,
            ":max_tokens": fields.max_tokens,
            ":top_p": fields.top_p,
            ":repeat_penalty": fields.repeat_penalty,
            ":stop_sequences": json_array(&fields.stop_sequences),
            ":now": tx.now(),
        },
    )?;
    updated(tx, id)
}

/// Makes a persona the default of its category, in the place of the one that was.
///
/// # Errors
/// [`Error::NotFound`] if there is no such persona.
pub fn set_default(tx: &WriteTx<'_>, id: &PersonaId) -> Result<Persona> {
    let category = get(tx, id)?.fields.category;
    if let Some(former) = default_of(tx, category)? {
        tx.execute(
            "UPDATE personas SET is_default = 0 WHERE id = ?1",
            [&former],
        )?;
        tx.changed(Entity::Persona, former);
    }
    tx.execute("UPDATE personas SET is_default = 1 WHERE id = ?1", [id])?;
    updated(tx, id)
}

/// Returns the default of a category; nothing if that persona was deleted or moved.
///
/// # Errors
/// What SQLite reports.
pub fn default_of(tx: &ReadTx<'_>, category: PersonaCategory) -> Result<Option<PersonaId>> {
    tx.value(
        "SELECT id FROM personas WHERE category = ?1 AND is_default = 1",
        [category],
    )
}

/// Deletes a persona. Its sessions stay, with none.
///
/// # Errors
/// [`Error::NotFound`] if there is no such persona.
pub fn delete(tx: &WriteTx<'_>, id: &PersonaId) -> Result<()> {
    get(tx, id)?;
    tx.changed(Entity::Persona, id);
    tx.execute_noting::<SessionId>(
        Entity::Session,
        "UPDATE sessions SET persona_id = NULL WHERE persona_id = ?1 RETURNING id",
        [id],
    )?;
    tx.execute("DELETE FROM personas WHERE id = ?1", [id])?;
    Ok(())
}

fn check(fields: &PersonaFields) -> Result<()> {
    limits::name("name", &fields.name)?;
    limits::text("prompt", &fields.prompt, PROMPT_BYTES_MAX)?;
    limits::text("description", &fields.description, PROMPT_BYTES_MAX)?;
    limits::text("icon", &fields.icon, 64)?;
    sessions::check_model(fields.default_model.as_deref())?;
    check_entries("suggested models", &fields.suggested_models)?;
    fields
        .suggested_models
        .iter()
        .try_for_each(|model| sessions::check_model(Some(model)))?;
    limits::range("temperature", fields.temperature, 0.0, 2.0)?;
    limits::range(
        "max tokens",
        fields.max_tokens.map(f64::from),
        1.0,
        10_000_000.0,
    )?;
    limits::range("top-p", fields.top_p, 0.0, 1.0)?;
    limits::range("repeat penalty", fields.repeat_penalty, 0.0, 2.0)?;
    check_entries("stop sequences", &fields.stop_sequences)
}

fn check_entries(field: &'static str, entries: &[String]) -> Result<()> {
    if entries.len() > ENTRIES_MAX {
        let limit = format!(
            "at most {ENTRIES_MAX} are possible, these are {}",
            entries.len()
        );
        return Err(Error::invalid(field, limit));
    }
    // A stop sequence may well be white space, such as a line end.
    entries.iter().try_for_each(|entry| match entry.as_str() {
        "" => Err(Error::invalid(field, "must not be empty")),
        entry => limits::text(field, entry, ENTRY_BYTES_MAX),
    })
}

fn updated(tx: &WriteTx<'_>, id: &PersonaId) -> Result<Persona> {
    let persona = get(tx, id)?;
    tx.changed(Entity::Persona, id);
    Ok(persona)
}
