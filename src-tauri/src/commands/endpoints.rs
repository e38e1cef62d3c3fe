//! Endpoints, their keys, and the models behind them.

use chatkeep_provider::{
    ApiKey, EndpointKind, KeyPlace, LocalServer, discover, list_models as ask_models,
    parse_base_url,
};
use chatkeep_store::{
    Endpoint as Row, EndpointId, EndpointUpdate, NewEndpoint as NewRow, Timestamp, endpoints,
};
use serde::{Deserialize, Serialize};
use tauri::State;

use super::Result;
use crate::error::CommandError;
use crate::requests::connection;
use crate::state::AppState;

/// Where models are reached.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    /// Its id, the first part of "endpoint/model".
    pub id: EndpointId,
    /// What it speaks.
    pub kind: EndpointKind,
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub base_url: String,
    /// When it was added.
    pub created_at: Timestamp,
}

impl TryFrom<Row> for Endpoint {
    type Error = CommandError;

    fn try_from(row: Row) -> Result<Self> {
        let kind = EndpointKind::parse(&row.kind)
            .ok_or_else(|| CommandError::internal(format!("endpoint kind {}", row.kind)))?;
        let Row {
            id,
            name,
            base_url,
            created_at,
            ..
        } = row;
        Ok(Self {
            id,
            kind,
            name,
            base_url,
            created_at,
        })
    }
}

/// Where an endpoint's key is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndpointKey {
    /// There is none.
    None,
    /// In the system's keychain.
    Keychain,
    /// In memory, until the app ends: there is no keychain.
    ThisRun,
}

/// An endpoint, and where its key is.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
pub(crate) struct EndpointState {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Where its key is.
    pub key: EndpointKey,
}

/// An endpoint to be.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewEndpoint {
    /// What it speaks.
    pub kind: EndpointKind,
    /// What it is called.
    pub name: String,
    /// Where it is; nothing: at the usual address of its kind.
    pub base_url: Option<String>,
}

/// A model that can be asked.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Model {
    /// The provider's own name of it.
    pub id: String,
    /// "endpoint/id": what a session keeps.
    pub reference: String,
    /// The endpoint it is behind.
    pub endpoint_id: EndpointId,
}

/// The endpoints in the order they were added.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_endpoints(state: State<'_, AppState>) -> Result<Vec<EndpointState>> {
    let rows = state.read(endpoints::list).await?;
    let mut states = Vec::with_capacity(rows.len());
    for row in rows {
        states.push(with_key(&state, row).await?);
    }
    Ok(states)
}

/// Adds an endpoint.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_endpoint(
    state: State<'_, AppState>,
    new_endpoint: NewEndpoint,
) -> Result<EndpointState> {
    let NewEndpoint {
        kind,
        name,
        base_url,
    } = new_endpoint;
    let base_url = base_url.as_deref().unwrap_or(kind.default_base_url());
    let row = NewRow {
        kind: kind.as_str().to_owned(),
        name,
        base_url: parse_base_url(base_url)?,
    };
    let row = state.write(move |tx| endpoints::insert(tx, &row)).await?;
    with_key(&state, row).await
}

/// Changes an endpoint's name and address. A key stays with the address it was entered for.
#[tauri::command]
#[specta::specta]
pub(crate) async fn update_endpoint(
    state: State<'_, AppState>,
    id: EndpointId,
    update: EndpointUpdate,
) -> Result<EndpointState> {
    let update = EndpointUpdate {
        base_url: parse_base_url(&update.base_url)?,
        ..update
    };
    let row = state
        .write(move |tx| endpoints::update(tx, &id, &update))
        .await?;
    with_key(&state, row).await
}

/// Deletes an endpoint and its key.
#[tauri::command]
#[specta::specta]
pub(crate) async fn delete_endpoint(state: State<'_, AppState>, id: EndpointId) -> Result<()> {
    let row = get(&state, id.clone()).await?;
    state.write(move |tx| endpoints::delete(tx, &id)).await?;
    Ok(state.keys.clear(&row.base_url).await?)
}

/// Keeps the API key of an endpoint, and says where.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_endpoint_key(
    state: State<'_, AppState>,
    id: EndpointId,
    key: String,
) -> Result<KeyPlace> {
    let key = ApiKey::parse(&key)?;
    let row = get(&state, id).await?;
    Ok(state.keys.set(&row.base_url, key).await?)
}

/// Forgets the API key of an endpoint.
#[tauri::command]
#[specta::specta]
pub(crate) async fn clear_endpoint_key(state: State<'_, AppState>, id: EndpointId) -> Result<()> {
    let row = get(&state, id).await?;
    Ok(state.keys.clear(&row.base_url).await?)
}

/// Asks an endpoint for its models.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_models(
    state: State<'_, AppState>,
    endpoint_id: EndpointId,
) -> Result<Vec<Model>> {
    let row = get(&state, endpoint_id.clone()).await?;
    let connection = connection(&state.backend(), &row).await?;
    let names = ask_models(&connection).await?;
    let model = |id: String| Model {
        reference: format!("{endpoint_id}/{id}"),
        endpoint_id: endpoint_id.clone(),
        id,
    };
    Ok(names.into_iter().map(model).collect())
}

/// Looks for servers on this computer that are not added yet.
#[tauri::command]
#[specta::specta]
pub(crate) async fn discover_local_servers(state: State<'_, AppState>) -> Result<Vec<LocalServer>> {
    let known = state.read(endpoints::list).await?;
    let mut found = discover().await;
    found.retain(|server| {
        !known
            .iter()
            .any(|row| same_address(&row.base_url, &server.base_url))
    });
    Ok(found)
}

fn same_address(a: &str, b: &str) -> bool {
    matches!((parse_base_url(a), parse_base_url(b)), (Ok(a), Ok(b)) if a == b)
}

async fn get(state: &AppState, id: EndpointId) -> Result<Row> {
    state.read(move |tx| endpoints::get(tx, &id)).await
}

async fn with_key(state: &AppState, row: Row) -> Result<EndpointState> {
    let key = match state.keys.place(&row.base_url).await {
        None => EndpointKey::None,
        Some(KeyPlace::Keychain) => EndpointKey::Keychain,
        Some(KeyPlace::ThisRun) => EndpointKey::ThisRun,
    };
    Ok(EndpointState {
        endpoint: row.try_into()?,
        key,
    })
}
