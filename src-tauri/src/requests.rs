//! What a model is sent for a reply: the session's context, planned to fit, as a request.

use std::sync::Arc;

use chatkeep_provider::{
    ChatRequest, Connection, EndpointKind, Parameters, Role as TurnRole, Turn, context_window,
    count_tokens,
};
use chatkeep_store::context::{self, Part, PlanOptions};
use chatkeep_store::{
    Context, ContextLimits, ContextPlan, Endpoint, EndpointId, Message, MessageId, ModelProfile,
    Persona, ReadTx, Result as StoreResult, Role, SessionId, endpoints, messages, models, sessions,
    settings,
};

use crate::error::CommandError;
use crate::recall::recall;
use crate::replies::Call;
use crate::state::{Backend, StoreHandle, blocking};

/// Tokens that are kept for a reply whose length the persona does not limit: this much, and at most
/// a quarter of the window.
const REPLY_TOKENS: u32 = 4096;
/// Asks for the rest of a reply. Not every provider goes on from a last message of the model's own.
const CONTINUE: &str =
    "Continue your last reply exactly where it stopped. Do not repeat any of it.";

/// A session's context with a model, planned.
pub(crate) struct Planned {
    pub(crate) context: Context,
    pub(crate) plan: ContextPlan,
    pub(crate) profile: ModelProfile,
    /// The model's window in tokens: the user's word, or what is known.
    pub(crate) window: u32,
    endpoint: Endpoint,
}

/// What a plan is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// The next message on the branch on show.
    Session(SessionId),
    /// This reply, on its own branch, whichever is on show.
    Reply(MessageId),
}

/// Plans what `model` ("endpoint/model") is sent.
pub(crate) async fn plan(
    backend: &Backend,
    target: Target,
    model: &str,
) -> Result<Planned, CommandError> {
    let (endpoint, name) = split(model);
    let (model, name) = (model.to_owned(), name.to_owned());
    let rows = move |tx: &ReadTx<'_>| -> StoreResult<_> {
        let limits = ContextLimits::default();
        let context = match target {
            Target::Session(id) => context::build(tx, id, limits)?,
            Target::Reply(id) => context::build_for(tx, id, limits)?,
        };
        let session = match target {
            Target::Session(id) => id,
            Target::Reply(id) => messages::get(tx, id)?.session_id,
        };
        Ok((
            context,
            sessions::get(tx, session)?,
            settings::get(tx)?,
            endpoints::get(tx, &endpoint)?,
            models::get(tx, &model)?,
        ))
    };
    let (context, session, settings, endpoint, profile) = backend.store.read(rows).await?;
    let mut context = recall(backend, session, context, &settings).await?;
    count_missing(&backend.store, &mut context).await?;
    let window = window_of(&endpoint, &name, &profile);
    let options = PlanOptions {
        token_ratio: profile.token_ratio,
        recall_percent: settings.recall_percent,
        ..PlanOptions::within(window.saturating_sub(reply_tokens(&context, window)))
    };
    let planned = blocking(move || {
        let plan = context::plan(&context, options, count_tokens);
        Planned {
            context,
            plan,
            profile,
            window,
            endpoint,
        }
    });
    planned.await
}

/// A model's window in tokens: the user's word, or what is known.
pub(crate) fn window_of(endpoint: &Endpoint, name: &str, profile: &ModelProfile) -> u32 {
    let known = EndpointKind::parse(&endpoint.kind).map(|kind| context_window(kind, name));
    profile.context_window.or(known).unwrap_or_default()
}

/// "endpoint/model" in its two parts.
pub(crate) fn split(model: &str) -> (EndpointId, &str) {
    let (endpoint, name) = model.split_once('/').unwrap_or(("", model));
    (EndpointId::new(endpoint), name)
}

fn reply_tokens(context: &Context, window: u32) -> u32 {
    let asked = context
        .persona
        .as_ref()
        .and_then(|persona| persona.fields.max_tokens);
    asked.unwrap_or(REPLY_TOKENS.min(window / 4))
}

/// Counts the messages that were never counted, and notes what they have.
async fn count_missing(
    store: &Arc<StoreHandle>,
    context: &mut Context,
) -> Result<(), CommandError> {
    let uncounted = context
        .messages
        .iter()
        .filter(|message| message.token_count.is_none());
    let texts: Vec<_> = uncounted
        .map(|message| (message.id, message.text.clone()))
        .collect();
    if texts.is_empty() {
        return Ok(());
    }
    let count = move || -> Vec<_> {
        texts
            .into_iter()
            .map(|(id, text)| (id, count_tokens(&text)))
            .collect()
    };
    let counts = blocking(count).await?;
    for message in &mut context.messages {
        let counted = counts.binary_search_by_key(&message.id, |(id, _)| *id).ok();
        message.token_count = counted
            .and_then(|at| counts.get(at))
            .map(|(_, tokens)| *tokens)
            .or(message.token_count);
    }
    let note = store.write_redoable(move |tx| {
        counts
            .iter()
            .try_for_each(|(id, tokens)| messages::set_token_count(tx, *id, *tokens))
    });
    if let Err(error) = note.await {
        // They are counted again the next time.
        log::info!("token counts were not kept: {}", error.message);
    }
    Ok(())
}

/// What it takes to ask for a reply.
pub(crate) async fn call(backend: &Backend, reply: &Message) -> Result<Call, CommandError> {
    let model = reply.model_id.clone().unwrap_or_default();
    let planned = plan(backend, Target::Reply(reply.id), &model).await?;
    if !planned.plan.fits() {
        return Err(too_large(&planned.plan));
    }
    let request = ChatRequest {
        model: split(&model).1.to_owned(),
        system: system_prompt(&planned),
        messages: turns(&planned, reply),
        parameters: parameters(planned.context.persona.as_ref()),
    };
    Ok(Call {
        connection: connection(backend, &planned.endpoint).await?,
        counted_tokens: counted_tokens(&planned),
        request,
    })
}

/// How an endpoint is reached.
pub(crate) async fn connection(
    backend: &Backend,
    endpoint: &Endpoint,
) -> Result<Connection, CommandError> {
    let kind = EndpointKind::parse(&endpoint.kind)
        .ok_or_else(|| CommandError::internal(format!("endpoint kind {}", endpoint.kind)))?;
    Ok(Connection {
        kind,
        base_url: endpoint.base_url.clone(),
        key: backend.keys.get(&endpoint.base_url).await?,
    })
}

fn too_large(plan: &ContextPlan) -> CommandError {
    CommandError::invalid(
        "message",
        &format!(
            "needs about {} tokens with the persona's prompt, and the model has room for {}",
            plan.needed, plan.budget
        ),
        "Shorten it, choose a model with a larger context window, or set this model's window in \
         the context panel.",
    )
}

/// What is sent, by this app's own count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of tokens over a ratio of 0.5 to 3"
)]
fn counted_tokens(planned: &Planned) -> u32 {
    (f64::from(planned.plan.used) / planned.profile.token_ratio) as u32
}

/// The persona's prompt, then what is kept in mind, then what was said before.
fn system_prompt(planned: &Planned) -> Option<String> {
    let Planned { context, plan, .. } = planned;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(
        context
            .persona
            .as_ref()
            .map(|persona| persona.fields.prompt.clone()),
    );
    let pins = context
        .pins
        .iter()
        .filter(|pin| plan.sends(Part::Pin, &pin.id.to_string()));
    let pins: Vec<_> = pins.map(|pin| format!("- {}", pin.content)).collect();
    if !pins.is_empty() {
        parts.push(format!("Keep in mind:\n{}", pins.join("\n")));
    }
    // Oldest first, as the conversation was.
    let summaries = context.summaries.iter().rev();
    let sent = summaries.filter(|it| plan.sends(Part::Summary, &it.id.to_string()));
    parts.extend(sent.map(|it| format!("Earlier in this chat: {}", it.summary)));
    parts.extend(recalled(planned));
    parts.retain(|part| !part.trim().is_empty());
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// What was said elsewhere about what the user's last message is about, the nearest first.
fn recalled(planned: &Planned) -> Option<String> {
    let recalled = planned.context.recalled.iter();
    let sent = recalled.filter(|it| {
        let id = it.message.id.to_string();
        planned.plan.sends(Part::Recalled, &id)
    });
    let quotes: Vec<_> = sent
        .map(|it| {
            let who = match it.message.role {
                Role::Assistant => "you",
                Role::User | Role::System | Role::Tool => "the user",
            };
            format!("In “{}” {who} said:\n{}", it.session_name, it.message.text)
        })
        .collect();
    let heading = "What was said before and may be about the user's last message:";
    (!quotes.is_empty()).then(|| format!("{heading}\n\n{}", quotes.join("\n\n")))
}

/// The messages of the plan, with what the reply has so far, where it is to go on.
fn turns(planned: &Planned, reply: &Message) -> Vec<Turn> {
    let messages = planned.context.messages.iter();
    let sent = messages.filter(|it| planned.plan.sends(Part::Message, &it.id.to_string()));
    let mut turns: Vec<Turn> = sent
        .map(|message| turn(message.role, &message.text))
        .collect();
    if !reply.text.trim().is_empty() {
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
