//! Pins that are found in what the user says: by rules, and by a model where the user wants that.

use chatkeep_store::{
    AutoPins, Fact, FactKind, Message, PinSource, Purpose, Role, messages, pins, sessions, settings,
};
use serde::Deserialize;

use super::asking::{Asker, NoAnswer, Question, bare, excerpt};
use crate::error::CommandError;
use crate::state::Backend;

const PROMPT: &str = include_str!("prompts/pins.md");
/// The longest answer, in tokens.
const ANSWER_TOKENS: u32 = 700;
/// How much of a message the model is shown, in characters.
const MESSAGE_CHARS_MAX: usize = 8000;
/// The shortest message, in characters, that is worth a question.
const MESSAGE_CHARS_MIN: usize = 12;
/// The most facts of one message.
const FACTS_MAX: usize = 5;
/// The longest fact, in characters.
const FACT_CHARS_MAX: usize = 300;

/// Keeps what the rules find in the message that a reply answers.
pub(super) async fn by_rules(backend: &Backend, reply: &Message) -> Result<(), CommandError> {
    let Some(id) = reply.parent_id else {
        return Ok(());
    };
    let kept = backend.store.write(move |tx| {
        let said = messages::get(tx, id)?;
        let is_looked_at = said.role == Role::User && said.deleted_at.is_none();
        if !is_looked_at || settings::get(tx)?.auto_pins == AutoPins::Off {
            return Ok(());
        }
        pins::insert_found(tx, id, &pins::facts(&said.text), PinSource::Rule).map(drop)
    });
    kept.await
}

/// Keeps what the session's model finds in the message that a reply answers.
pub(super) async fn by_model(asker: &Asker, reply: &Message) -> Result<(), NoAnswer> {
    let store = &asker.backend.store;
    let (session_id, Some(id)) = (reply.session_id, reply.parent_id) else {
        return Ok(());
    };
    let rows = store.read(move |tx| {
        Ok((
            messages::get(tx, id)?,
            sessions::get(tx, session_id)?,
            settings::get(tx)?,
        ))
    });
    let (said, session, settings) = rows.await?;
    let is_asked = settings.auto_pins == AutoPins::Model
        && said.role == Role::User
        && said.text.trim().chars().count() >= MESSAGE_CHARS_MIN;
    let (true, Some(model)) = (is_asked, settings.summary_model.or(session.model)) else {
        return Ok(());
    };
    let shown = excerpt(&said.text, MESSAGE_CHARS_MAX);
    let question = Question {
        purpose: Purpose::Pins,
        session_id,
        messages: 1,
        message_id: id,
        model,
        instruction: PROMPT,
        text: format!("The message:\n\n{shown}"),
        max_tokens: ANSWER_TOKENS,
    };
    let found = parsed(&asker.ask(question).await?, &said.text);
    let kept = store.write(move |tx| match messages::get(tx, id)?.deleted_at {
        None => pins::insert_found(tx, id, &found, PinSource::Model).map(drop),
        Some(_) => Ok(()),
    });
    Ok(kept.await?)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    facts: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claim {
    kind: FactKind,
    text: String,
    quote: String,
}

/// The facts in an answer, as far as it is what was asked for: each must quote the message.
fn parsed(answer: &str, message: &str) -> Vec<Fact> {
    let answer = bare(answer);
    let object = answer.find('{').zip(answer.rfind('}'));
    let object = object
        .and_then(|(from, to)| answer.get(from..=to))
        .unwrap_or_default();
    let claims = serde_json::from_str::<Answer>(object).map_or_else(|_| Vec::new(), |it| it.facts);
    let claims = claims
        .into_iter()
        .filter_map(|it| serde_json::from_value(it).ok());
    claims
        .filter(|claim| is_founded(claim, message))
        .take(FACTS_MAX)
        .map(|claim| Fact {
            text: one_line(&claim.text),
            kind: claim.kind,
        })
        .collect()
}

fn is_founded(claim: &Claim, message: &str) -> bool {
    let quote = one_line(&claim.quote).to_lowercase();
    let text = one_line(&claim.text);
    let chars = text.chars().count();
    quote.chars().count() >= 3
        && one_line(message).to_lowercase().contains(&quote)
        && (1..=FACT_CHARS_MAX).contains(&chars)
        && !text.contains('\0')
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
