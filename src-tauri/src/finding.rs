//! Finding messages by their words or their meaning: what is asked is made a vector first, by the model
//! that the messages were embedded with.

use chatkeep_store::search::{
    self, MessageHit, SearchHint, SearchMode, SearchRequest, SearchResults,
};
use chatkeep_store::{
    Clock, MessageId, PinId, ReadTx, Result as StoreResult, SystemClock, messages, pins, vectors,
};
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, ErrorKind};
use crate::state::AppState;

/// What more is looked for like.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum LikeWhat {
    /// A message.
    Message {
        /// Which.
        id: MessageId,
    },
    /// A pin.
    Pin {
        /// Which.
        id: PinId,
    },
}

/// What is found for a request: by its words alone, where no model is there to find by meaning.
pub(crate) async fn search(
    state: &AppState,
    request: SearchRequest,
) -> Result<SearchResults, CommandError> {
    let now = SystemClock.now();
    let words = search::words_of(&request.text, now);
    if request.mode == SearchMode::Words || words.is_empty() {
        return state
            .read(move |tx| search::search(tx, &request, now))
            .await;
    }
    let backend = state.backend();
    let problem = match backend.embedding.embed_query(&backend, &words).await {
        Ok(Some(vector)) => {
            let find = move |tx: &ReadTx<'_>| search::search_by_meaning(tx, &request, &vector, now);
            return state.read(find).await;
        }
        Ok(None) => "No model that finds by meaning is in use: see Settings, Search.".to_owned(),
        Err(error) => format!("{} {}", error.message, error.remedy),
    };
    let found = state.read(move |tx| search::search(tx, &request, now));
    let mut results = found.await?;
    results.hints.push(SearchHint {
        part: "By meaning".to_owned(),
        problem: format!("This was found by words alone. {problem}"),
    });
    Ok(results)
}

/// The messages that come nearest to what a message or a pin means, the nearest first.
pub(crate) async fn more_like(
    state: &AppState,
    what: LikeWhat,
    limit: u32,
) -> Result<Vec<MessageHit>, CommandError> {
    let (text, vector, but) = state.read(move |tx| like(tx, what)).await?;
    let backend = state.backend();
    let vector = match vector {
        Some(vector) => Some(vector),
        None => backend.embedding.embed_query(&backend, &text).await?,
    };
    let Some(vector) = vector else {
        return Err(CommandError::new(
            ErrorKind::EmbeddingModel,
            "no model that finds by meaning is in use",
            "Choose one in Settings, Search.",
        ));
    };
    let limit = usize::try_from(limit).unwrap_or(search::LIMIT_MAX);
    let limit = limit.min(search::LIMIT_MAX);
    state
        .read(move |tx| search::more_like(tx, &vector, but, limit))
        .await
}

/// A text, its vector where it has one, and the message that is looked at already.
type Like = (String, Option<Vec<f32>>, Option<MessageId>);

fn like(tx: &ReadTx<'_>, what: LikeWhat) -> StoreResult<Like> {
    match what {
        LikeWhat::Message { id } => {
            let text = messages::get(tx, id)?.text;
            Ok((text, vectors::of_message(tx, id)?, Some(id)))
        }
        LikeWhat::Pin { id } => {
            let pin = pins::get(tx, id)?;
            Ok((pin.content, None, pin.source_message_id))
        }
    }
}
