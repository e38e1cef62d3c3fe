//! Vectors of texts, made by a server.
//!
//! Not by `genai`: what it makes of an error holds the request, and it sets no limit of time.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use crate::address::api_root;
use crate::call::Call;
use crate::http::post_json;
use crate::{Connection, EndpointKind, ProviderError};

/// A server on this machine may have to read its model from the disk first, then embeds a batch on
/// the CPU.
const EMBED_LIMIT: Duration = Duration::from_secs(120);

/// Turns texts into vectors by a model of a server, in order: Ollama's `/api/embed`, or
/// `/v1/embeddings` of OpenAI and those that speak its protocol. All vectors have one length.
///
/// # Errors
/// [`ProviderError::NoEmbeddings`] if the protocol has no embeddings; [`ProviderError::Reply`] also
/// if the server sends another number of vectors than texts, or vectors that cannot be used; any
/// other [`ProviderError`] but those of the keychain.
pub async fn embed(
    connection: &Connection,
    model: &str,
    texts: &[String],
) -> Result<Vec<Vec<f32>>, ProviderError> {
    let url = embed_url(connection)?;
    let call = Call::new(connection, EMBED_LIMIT)?;
    let call = call.sending(model, texts.iter().map(String::as_str));
    let vectors = if connection.kind == EndpointKind::Ollama {
        let body = json!({ "model": model, "input": texts });
        post_json::<OllamaVectors>(connection, &call, url, &body, EMBED_LIMIT)
            .await?
            .embeddings
    } else {
        let body = json!({ "model": model, "input": texts, "encoding_format": "float" });
        post_json::<OpenaiVectors>(connection, &call, url, &body, EMBED_LIMIT)
            .await?
            .in_order()
    };
    checked(vectors, texts.len())
}

fn embed_url(connection: &Connection) -> Result<Url, ProviderError> {
    let path = match connection.kind {
        EndpointKind::Ollama => "api/embed",
        EndpointKind::OpenaiCompatible | EndpointKind::Openai => "embeddings",
        EndpointKind::Anthropic | EndpointKind::Gemini => {
            return Err(ProviderError::NoEmbeddings {
                provider: connection.kind.display_name(),
            });
        }
    };
    let root = api_root(connection.kind, &connection.base_url)?;
    root.join(path).map_err(|_| ProviderError::InvalidUrl {
        problem: "its path is not valid",
    })
}

fn checked(vectors: Vec<Vec<f32>>, texts: usize) -> Result<Vec<Vec<f32>>, ProviderError> {
    if vectors.len() != texts {
        return Err(ProviderError::reply(format!(
            "it has {} vectors for {texts} texts",
            vectors.len()
        )));
    }
    let length = vectors.first().map_or(0, Vec::len);
    let usable = |vector: &Vec<f32>| {
        vector.len() == length
            && vector.iter().all(|value| value.is_finite())
            && vector.iter().any(|value| *value != 0.0)
    };
    if vectors.iter().all(usable) {
        Ok(vectors)
    } else {
        Err(ProviderError::reply("a vector in it cannot be used"))
    }
}

#[derive(Deserialize)]
struct OllamaVectors {
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct OpenaiVectors {
    data: Vec<OpenaiVector>,
}

#[derive(Deserialize)]
struct OpenaiVector {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenaiVectors {
    /// The protocol numbers the vectors and does not promise their order.
    fn in_order(mut self) -> Vec<Vec<f32>> {
        self.data.sort_by_key(|vector| vector.index);
        self.data
            .into_iter()
            .map(|vector| vector.embedding)
            .collect()
    }
}
