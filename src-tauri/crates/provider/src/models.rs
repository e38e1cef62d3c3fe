//! The models of an endpoint.
//!
//! Not by `genai`, whose list is names alone: it shows only the first page of Anthropic's and
//! Gemini's, and says nothing by which a model that only embeds could be told from one that chats.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::address::api_root;
use crate::call::Call;
use crate::http::get_json;
use crate::{Connection, EndpointKind, ProviderError};

/// A list is short and is made without a model.
const LIST_LIMIT: Duration = Duration::from_secs(20);

/// What OpenAI's models are called that do not chat. Its list says no more than the names.
const OPENAI_NOT_CHAT: [&str; 13] = [
    "audio",
    "babbage",
    "dall-e",
    "davinci",
    "embed",
    "image",
    "instruct",
    "moderation",
    "realtime",
    "sora",
    "transcribe",
    "tts",
    "whisper",
];

/// Lists the models that chat, sorted by name. Models that only embed are left out where that can
/// be told.
///
/// # Errors
/// Any [`ProviderError`] but [`ProviderError::Model`].
pub async fn list_models(connection: &Connection) -> Result<Vec<String>, ProviderError> {
    let listing = list_within(connection, Purpose::Chat, LIST_LIMIT).await?;
    Ok(listing.models)
}

/// Lists the models that embed, as far as they can be told, sorted by name.
///
/// # Errors
/// Any [`ProviderError`] but [`ProviderError::Model`].
pub async fn list_embedding_models(connection: &Connection) -> Result<Vec<String>, ProviderError> {
    let listing = list_within(connection, Purpose::Embed, LIST_LIMIT).await?;
    Ok(listing.models)
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Chat,
    Embed,
}

/// A list of models, and who made it.
pub(crate) struct Listing {
    pub(crate) models: Vec<String>,
    /// What OpenAI-compatible servers name as the owner of a model.
    pub(crate) owner: Option<String>,
}

pub(crate) async fn list_within(
    connection: &Connection,
    purpose: Purpose,
    limit: Duration,
) -> Result<Listing, ProviderError> {
    let call = Call::new(connection, limit)?;
    let url = list_url(connection)?;
    let mut listing = match connection.kind {
        EndpointKind::Ollama => get_json::<OllamaList>(connection, &call, url, limit)
            .await?
            .into_listing(purpose),
        EndpointKind::Gemini => get_json::<GeminiList>(connection, &call, url, limit)
            .await?
            .into_listing(purpose),
        kind => get_json::<OpenaiList>(connection, &call, url, limit)
            .await?
            .into_listing(kind, purpose),
    };
    listing.models.sort_unstable();
    listing.models.dedup();
    Ok(listing)
}

fn list_url(connection: &Connection) -> Result<Url, ProviderError> {
    let root = api_root(connection.kind, &connection.base_url)?;
    let path = match connection.kind {
        EndpointKind::Ollama => "api/tags",
        // The most that each gives on one page; neither has as many.
        EndpointKind::Anthropic => "models?limit=1000",
        EndpointKind::Gemini => "models?pageSize=1000",
        EndpointKind::OpenaiCompatible | EndpointKind::Openai => "models",
    };
    root.join(path).map_err(|_| ProviderError::InvalidUrl {
        problem: "its path is not valid",
    })
}

#[derive(Deserialize)]
struct OllamaList {
    models: Vec<OllamaModel>,
}

#[derive(Deserialize)]
struct OllamaModel {
    name: String,
    #[serde(default)]
    details: OllamaDetails,
}

#[derive(Deserialize, Default)]
struct OllamaDetails {
    #[serde(default)]
    family: String,
}

impl OllamaList {
    fn into_listing(self, purpose: Purpose) -> Listing {
        // The families `bert`, `nomic-bert` and so on do nothing but embed.
        let embeds = |model: &OllamaModel| {
            model.details.family.contains("bert") || model.name.contains("embed")
        };
        let models = self
            .models
            .into_iter()
            .filter(|model| embeds(model) == (purpose == Purpose::Embed))
            .map(|model| model.name)
            .collect();
        Listing {
            models,
            owner: None,
        }
    }
}

#[derive(Deserialize)]
struct OpenaiList {
    data: Vec<OpenaiModel>,
}

#[derive(Deserialize)]
struct OpenaiModel {
    id: String,
    owned_by: Option<String>,
}

impl OpenaiList {
    fn into_listing(self, kind: EndpointKind, purpose: Purpose) -> Listing {
        let not_chat: &[&str] = if kind == EndpointKind::Openai {
            &OPENAI_NOT_CHAT
        } else {
            &["embed"]
        };
        let serves = |model: &OpenaiModel| match purpose {
            Purpose::Chat => !not_chat.iter().any(|part| model.id.contains(part)),
            Purpose::Embed => model.id.contains("embed"),
        };
        let owner = self.data.iter().find_map(|model| model.owned_by.clone());
        let models = self
            .data
            .into_iter()
            .filter(serves)
            .map(|model| model.id)
            .collect();
        Listing { models, owner }
    }
}

#[derive(Deserialize)]
struct GeminiList {
    models: Vec<GeminiModel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiModel {
    name: String,
    supported_generation_methods: Vec<String>,
}

impl GeminiList {
    fn into_listing(self, purpose: Purpose) -> Listing {
        let wanted = match purpose {
            Purpose::Chat => "generateContent",
            Purpose::Embed => "embedContent",
        };
        let serves = |model: &GeminiModel| {
            model
                .supported_generation_methods
                .iter()
                .any(|method| method == wanted)
        };
        let plain = |model: GeminiModel| match model.name.strip_prefix("models/") {
            Some(name) => name.to_owned(),
            None => model.name,
        };
        let models = self.models.into_iter().filter(serves).map(plain).collect();
        Listing {
            models,
            owner: None,
        }
    }
}
