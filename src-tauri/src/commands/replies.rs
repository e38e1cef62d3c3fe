//! Asking a model: send, try again, continue, stop.

use chatkeep_provider::{ChatRequest, Parameters, Role as TurnRole, Turn};
use chatkeep_store::context::{self, Context, ContextLimits};
use chatkeep_store::{
    Endpoint, EndpointId, Message, MessageId, MessageStatus, NewMessage, Parent, Persona, ReadTx,
    Result as StoreResult, Role, SessionId, WriteTx, drafts, endpoints, messages, personas,
    sessions,
};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, State};

use super::{Result, endpoints::connection};
use crate::error::CommandError;
use crate::replies::{Call, ReplyEvent, StartedReply};
use crate::state::AppState;

/// What of a session a model is sent.
const CONTEXT: ContextLimits = ContextLimits {
    messages: 100,
    pins: 20,
    summaries: 3,
};

/// Asks for the rest of a reply. Not every provider goes on from a last message of the model's own.
const CONTINUE: &str =
    "Continue your last reply exactly where it stopped. Do not repeat any of it.";

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
    let call = async move { call(&app.state::<AppState>(), &asked).await };
    state.replies.start(state.store(), reply, call, on_event);
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

/// The rows that a request is made of, as of one moment.
struct Asked {
    endpoint: Endpoint,
    persona: Option<Persona>,
    context: Context,
}

async fn call(state: &AppState, reply: &Message) -> Result<Call> {
    let session_id = reply.session_id;
    let model_id = reply.model_id.clone().unwrap_or_default();
    let (endpoint, model) = model_id.split_once('/').unwrap_or_default();
    let endpoint = EndpointId::new(endpoint);
    let asked = state
        .read(move |tx| asked(tx, session_id, &endpoint))
        .await?;
    let request = ChatRequest {
        model: model.to_owned(),
        system: system_prompt(&asked),
        messages: turns(&asked.context, reply),
        parameters: parameters(asked.persona.as_ref()),
    };
    Ok(Call {
        connection: connection(state, asked.endpoint).await?,
        request,
    })
}

fn asked(tx: &ReadTx<'_>, session_id: SessionId, endpoint: &EndpointId) -> StoreResult<Asked> {
    let session = sessions::get(tx, session_id)?;
    let persona = session
        .persona_id
        .as_ref()
        .map(|id| personas::get(tx, id))
        .transpose()?;
    let endpoint = endpoints::get(tx, endpoint)?;
    let context = context::build(tx, session_id, CONTEXT)?;
    Ok(Asked {
        endpoint,
        persona,
        context,
    })
}

/// The persona's prompt, then what is kept in mind, then what was said before.
fn system_prompt(asked: &Asked) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(
        asked
            .persona
            .as_ref()
            .map(|persona| persona.fields.prompt.clone()),
    );
    let pins: Vec<_> = asked
        .context
        .pins
        .iter()
        .map(|pin| format!("- {}", pin.content))
        .collect();
    if !pins.is_empty() {
        parts.push(format!("Keep in mind:\n{}", pins.join("\n")));
    }
    // Oldest first, as the conversation was.
    parts.extend(
        asked
            .context
            .summaries
            .iter()
            .rev()
            .map(|it| format!("Earlier in this chat: {}", it.summary)),
    );
    parts.retain(|part| !part.trim().is_empty());
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// The messages up to the reply; and what it has so far, where it is to go on.
fn turns(context: &Context, reply: &Message) -> Vec<Turn> {
    let before = context
        .messages
        .iter()
        .filter(|message| message.id != reply.id);
    let mut turns: Vec<Turn> = before
        .map(|message| turn(message.role, &message.text))
        .collect();
    if !reply.text.trim().is_empty() {
        turns.push(Turn::assistant(&reply.text));
        turns.push(Turn::user(CONTINUE));
    }
    turns
}

fn turn(role: Role, text: &str) -> Turn {
    let role = match role {
        Role::System => TurnRole::System,
        Role::Assistant => TurnRole::Assistant,
        // No tool is offered to a model yet; what a tool said in a chat from elsewhere is told.
        Role::User | Role::Tool => TurnRole::User,
    };
    Turn {
        role,
        text: text.to_owned(),
    }
}

fn parameters(persona: Option<&Persona>) -> Parameters {
    persona.map_or_else(Parameters::default, |persona| Parameters {
        temperature: persona.fields.temperature,
        max_tokens: persona.fields.max_tokens,
        top_p: persona.fields.top_p,
        repeat_penalty: persona.fields.repeat_penalty,
        stop_sequences: persona.fields.stop_sequences.clone(),
    })
}
