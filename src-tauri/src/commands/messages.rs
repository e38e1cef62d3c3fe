//! Messages, and the calls that wrote them.

use chatkeep_store::{
    Generation, Message, MessageId, NewMessage as NewRow, Page, Role, Score, SessionId, Siblings,
    branches, generations, messages,
};
use serde::{Deserialize, Serialize};
use tauri::State;

use super::Result;
use crate::state::AppState;

/// A page of the branch on show.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
pub(crate) struct BranchPage {
    /// Oldest first.
    items: Vec<Message>,
    /// The `before` of the page with older ones; nothing when there are none.
    next: Option<MessageId>,
    /// The siblings of those that have any.
    siblings: Vec<Siblings>,
}

/// A page of the branch on show, oldest first: its newest messages, or those before `before`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_messages(
    state: State<'_, AppState>,
    session_id: SessionId,
    before: Option<MessageId>,
    limit: u16,
) -> Result<BranchPage> {
    state
        .read(move |tx| {
            let Page { items, next } = messages::list(tx, session_id, before, limit.into())?;
            let siblings = branches::siblings(tx, &items)?;
            Ok(BranchPage {
                items,
                next,
                siblings,
            })
        })
        .await
}

/// One message.
#[tauri::command]
#[specta::specta]
pub(crate) async fn get_message(state: State<'_, AppState>, id: MessageId) -> Result<Message> {
    state.read(move |tx| messages::get(tx, id)).await
}

/// A message to be, at the end of the branch on show.
#[derive(Debug, Clone, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMessage {
    /// The session it goes to.
    session_id: SessionId,
    /// Whose it is.
    role: Role,
    /// The text: at most 10 MiB, without NUL characters.
    text: String,
    /// The model that wrote it: "endpoint/model".
    model_id: Option<String>,
}

/// Adds a message without asking a model.
#[tauri::command]
#[specta::specta]
pub(crate) async fn append_message(
    state: State<'_, AppState>,
    new_message: NewMessage,
) -> Result<Message> {
    let NewMessage {
        session_id,
        role,
        text,
        model_id,
    } = new_message;
    let new = NewRow {
        model_id,
        ..NewRow::new(session_id, role, text)
    };
    state.write(move |tx| messages::append(tx, &new)).await
}

/// Marks how much a message matters, 0 to 1; nothing: takes the mark off.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_message_importance(
    state: State<'_, AppState>,
    id: MessageId,
    score: Option<f64>,
) -> Result<Message> {
    let score = score.map(Score::new).transpose()?;
    state
        .write(move |tx| messages::set_importance(tx, id, score))
        .await
}

/// The calls that wrote a message, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_generations(
    state: State<'_, AppState>,
    message_id: MessageId,
) -> Result<Vec<Generation>> {
    state
        .read(move |tx| generations::list(tx, message_id))
        .await
}
