//! Endpoints: where models are reached. Their keys are not here but in the system's keychain.

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use crate::change::Entity;
use crate::error::{Error, OrNotFound, Result};
use crate::ids::EndpointId;
use crate::limits;
use crate::row::from_row;
use crate::time::Timestamp;
use crate::transaction::{ReadTx, WriteTx};

/// The most endpoints that one list returns.
pub const LIST_MAX: usize = 100;
/// The longest address, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// Where models are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Endpoint {
    /// Its id, the first part of "endpoint/model": lower-case letters, digits and hyphens.
    pub id: EndpointId,
    /// What it speaks, in the provider crate's words; the table knows which there are.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub base_url: String,
    /// When it was added.
    pub created_at: Timestamp,
}

from_row!(Endpoint {
    id,
    kind,
    name,
    base_url,
    created_at
});

/// An endpoint to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// What it speaks: `ollama`, `openai_compatible`, `openai`, `anthropic` or `gemini`.
    pub kind: String,
    /// What it is called: 1 to 200 characters.
    pub name: String,
    /// Where it is.
    pub base_url: String,
}

/// What of an endpoint can be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct EndpointUpdate {
    /// What it is called: 1 to 200 characters.
    pub name: String,
    /// Where it is.
    pub base_url: String,
}

/// Adds an endpoint. Its id is made from its name, with a number behind it if that one is taken.
///
/// # Errors
/// [`Error::Invalid`] for a value out of its limits; an unknown kind, which the table refuses, is
/// [`Error::Sqlite`].
pub fn insert(tx: &WriteTx<'_>, new: &NewEndpoint) -> Result<Endpoint> {
    let name = limits::name("name", &new.name)?;
    check_url(&new.base_url)?;
    let id = free_id(tx, name)?;
    tx.execute(
        "INSERT INTO endpoints (id, kind, name, base_url, created_at)
         VALUES (:id, :kind, :name, :base_url, :now)",
        named_params! {
            ":id": id,
            ":kind": new.kind,
            ":name": name,
            ":base_url": new.base_url,
            ":now": tx.now(),
        },
    )?;
    updated(tx, &id)
}

/// Returns the endpoint with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub fn get(tx: &ReadTx<'_>, id: &EndpointId) -> Result<Endpoint> {
    tx.find(
        "SELECT id, kind, name, base_url, created_at FROM endpoints WHERE id = ?1",
        [id],
    )?
    .or_not_found(Entity::Endpoint, id)
}

/// Returns the endpoints in the order they were added, at most [`LIST_MAX`].
///
/// # Errors
/// What SQLite reports.
pub fn list(tx: &ReadTx<'_>) -> Result<Vec<Endpoint>> {
    tx.list(
        "SELECT id, kind, name, base_url, created_at
         FROM endpoints
         ORDER BY created_at, id
         LIMIT ?1",
        [LIST_MAX],
    )
}

/// Changes an endpoint's name and address; its id stays.
///
/// # Errors
/// [`Error::Invalid`] for a value out of its limits, [`Error::NotFound`] if there is no such endpoint.
pub fn update(tx: &WriteTx<'_>, id: &EndpointId, update: &EndpointUpdate) -> Result<Endpoint> {
    let name = limits::name("name", &update.name)?;
    check_url(&update.base_url)?;
    tx.execute(
        "UPDATE endpoints SET name = ?2, base_url = ?3 WHERE id = ?1",
        (id, name, &update.base_url),
    )?;
    updated(tx, id)
}

/// Deletes an endpoint. Sessions that name a model of it keep the name.
///
/// # Errors
/// [`Error::NotFound`] if there is no such endpoint.
pub fn delete(tx: &WriteTx<'_>, id: &EndpointId) -> Result<()> {
    if tx.execute("DELETE FROM endpoints WHERE id = ?1", [id])? == 0 {
        return Err(Error::not_found(Entity::Endpoint, id));
    }
    tx.changed(Entity::Endpoint, id);
    Ok(())
}

fn check_url(url: &str) -> Result<()> {
    limits::filled_text("address", url, URL_BYTES_MAX)
}

fn free_id(tx: &ReadTx<'_>, name: &str) -> Result<EndpointId> {
    let slug = slug(name);
    for number in 1..=LIST_MAX {
        let id = if number == 1 {
            slug.clone()
        } else {
            format!("{slug}-{number}")
        };
        let taken: Option<i64> = tx.value("SELECT 1 FROM endpoints WHERE id = ?1", [&id])?;
        if taken.is_none() {
            return Ok(EndpointId::new(id));
        }
    }
    Err(Error::invalid(
        "name",
        format!("{LIST_MAX} providers have this name already"),
    ))
}

/// "My  Server!" becomes "my-server".
fn slug(name: &str) -> String {
    let words: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                ' '
            }
        })
        .collect();
    match words.split_whitespace().collect::<Vec<_>>().join("-") {
        slug if slug.is_empty() => "provider".to_owned(),
        slug => slug,
    }
}

fn updated(tx: &WriteTx<'_>, id: &EndpointId) -> Result<Endpoint> {
    let endpoint = get(tx, id)?;
    tx.changed(Entity::Endpoint, id);
    Ok(endpoint)
}
