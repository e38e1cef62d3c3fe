//! Asking a model: send, try again, continue, stop.

use chatkeep_store::{
    EndpointId, Message, MessageId, MessageStatus, NewMessage, Parent, Result as StoreResult, Role,
    SessionId, WriteTx, drafts, endpoints, messages, sessions,
};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, State};

use super::Result;
use crate::error::CommandError;
use crate::replies::{ReplyEvent, StartedReply};
use crate::requests;
use crate::state::AppState;

/// Says something, and lets the session's model answer. Both messages are on disk, and the draft
/// gone, when this returns; the reply goes on over the channel.
#[tauri::command]
#[specta::specta]
pub(crate) async fn send_message(
    app: AppHandle,
    state: State<'_, AppState>,
    session_id: SessionId,
    text: String,
    on_event: Channel<ReplyEvent>,
) -> Result<StartedReply> {
    let user = NewMessage::user(session_id, text);
    let (user, reply) = ask(&state, user, move |tx| {
        drafts::set(tx, Some(session_id), "")
    })
    .await?;
    start(app, &state, reply.clone(), on_event);
    Ok(StartedReply {
        user: Some(user),
        reply,
    })
}

/// Says something else in the place of a message of the user's, which stays as its sibling.
#[tauri::command]
#[specta::specta]
pub(crate) async fn edit_message(
    app: AppHandle,
    state: State<'_, AppState>,
    message_id: MessageId,
    text: String,
    on_event: Channel<ReplyEvent>,
) -> Result<StartedReply> {
    let former = state.read(move |tx| messages::get(tx, message_id)).await?;
    if former.role != Role::User {
        return Err(CommandError::invalid(
            "message",
            "must be one of your own",
            "Choose Try again on a reply instead.",
        ));
    }
    let user = NewMessage {
        parent: Parent::After(former.parent_id),
        ..NewMessage::user(former.session_id, text)
    };
    let (user, reply) = ask(&state, user, |_| Ok(())).await?;
    start(app, &state, reply.clone(), on_event);
    Ok(StartedReply {
        user: Some(user),
        reply,
    })
}

/// Commits a message and the empty reply to it, and what goes with them.
async fn ask(
    state: &AppState,
    user: NewMessage,
    with: impl FnOnce(&WriteTx<'_>) -> StoreResult<()> + Send + 'static,
) -> Result<(Message, Message)> {
    if user.text.trim().is_empty() {
        return Err(CommandError::invalid(
            "message",
            "must not be empty",
            "Type something first.",
        ));
    }
    let model = model_of(state, user.session_id).await?;
    state
        .write(move |tx| {
            let user = messages::append(tx, &user)?;
            let reply = messages::append(tx, &empty_reply(user.session_id, model))?;
            with(tx)?;
            Ok((user, reply))
        })
        .await
}

/// Asks for another reply in the place of this one, which stays as its sibling.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_reply(
    app: AppHandle,
    state: State<'_, AppState>,
    message_id: MessageId,
    on_event: Channel<ReplyEvent>,
) -> Result<StartedReply> {
    let former = ended_reply(&state, message_id).await?;
    let model = model_of(&state, former.session_id).await?;
    let reply = NewMessage {
        parent: Parent::After(former.parent_id),
        ..empty_reply(former.session_id, model)
    };
    let reply = state.write(move |tx| messages::append(tx, &reply)).await?;
    start(app, &state, reply.clone(), on_event);
    Ok(StartedReply { user: None, reply })
}

/// Lets an interrupted or failed reply go on in its own row.
#[tauri::command]
#[specta::specta]
pub(crate) async fn continue_reply(
    app: AppHandle,
    state: State<'_, AppState>,
    message_id: MessageId,
    on_event: Channel<ReplyEvent>,
) -> Result<StartedReply> {
    let former = ended_reply(&state, message_id).await?;
    model_of(&state, former.session_id).await?;
    let reply = state
        .write(move |tx| messages::resume(tx, message_id))
        .await?;
    start(app, &state, reply.clone(), on_event);
    Ok(StartedReply { user: None, reply })
}

/// Stops a reply; what has come of it stays.
#[tauri::command]
#[specta::specta]
pub(crate) async fn stop_reply(state: State<'_, AppState>, message_id: MessageId) -> Result<()> {
    // One that has just ended needs no stop.
    state.replies.stop(message_id);
    Ok(())
}

fn start(app: AppHandle, state: &AppState, reply: Message, on_event: Channel<ReplyEvent>) {
    let asked = reply.clone();
    let backend = state.backend();
    let call = async move { requests::call(&backend, &asked).await };
    let then = move |reply| app.state::<AppState>().memory.reply_ended(reply);
    (state.replies).start(state.store(), reply, call, on_event, then);
}

/// The session's model, if its provider is there.
async fn model_of(state: &AppState, session_id: SessionId) -> Result<String> {
    let session = state.read(move |tx| sessions::get(tx, session_id)).await?;
    let Some(model) = session.model else {
        return Err(CommandError::invalid(
            "model",
            "none is chosen for this session",
            "Choose a model below the message, then send it again.",
        ));
    };
    let endpoint = EndpointId::new(model.split_once('/').map_or("", |(endpoint, _)| endpoint));
    state.read(move |tx| endpoints::get(tx, &endpoint)).await?;
    Ok(model)
}

/// A reply that is not under way any more.
async fn ended_reply(state: &AppState, id: MessageId) -> Result<Message> {
    let message = state.read(move |tx| messages::get(tx, id)).await?;
    if message.role != Role::Assistant || state.replies.is_running(id) {
        return Err(CommandError::invalid(
            "message",
            "must be a reply that has ended",
            "Stop the reply first.",
        ));
    }
    Ok(message)
}

fn empty_reply(session_id: SessionId, model: String) -> NewMessage {
    NewMessage {
        model_id: Some(model),
        status: MessageStatus::Streaming,
        ..NewMessage::assistant(session_id, "")
    }
}
