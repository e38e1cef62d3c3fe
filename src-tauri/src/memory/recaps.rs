//! The line on what a session is about, which names it after its first exchange.

use chatkeep_store::{Message, Purpose, messages, sessions, settings};

use super::asking::{Asker, NoAnswer, Question, bare, excerpt};

const PROMPT: &str = include_str!("prompts/recap.md");
/// The longest answer, in tokens: a line, for models that think aloud first.
const ANSWER_TOKENS: u32 = 400;
/// How much of a message the model is shown, in characters.
const MESSAGE_CHARS_MAX: usize = 2000;
/// The longest recap, in characters.
const RECAP_CHARS_MAX: usize = 60;
/// How deep a session's first whole reply can stand: the first ones may have failed.
const DEPTH_MAX: u32 = 8;

/// Names the session of its first reply, unless it has a recap.
pub(super) async fn name(asker: &Asker, reply: &Message) -> Result<(), NoAnswer> {
    let store = &asker.backend.store;
    let (session_id, parent_id) = (reply.session_id, reply.parent_id);
    if reply.depth > DEPTH_MAX {
        return Ok(());
    }
    let rows = store.read(move |tx| {
        let said = parent_id.map(|id| messages::get(tx, id)).transpose()?;
        Ok((sessions::get(tx, session_id)?, settings::get(tx)?, said))
    });
    let (session, settings, said) = rows.await?;
    let Some(said) = said.filter(|_| settings.recaps && session.recap.is_none()) else {
        return Ok(());
    };
    let model = settings.summary_model.or(session.model);
    let recap = match model {
        Some(model) => match asker.ask(question(model, &said, reply)).await {
            Ok(answer) => line(&answer),
            Err(NoAnswer::Failed(_)) => None,
            Err(NoAnswer::Disturbed) => return Err(NoAnswer::Disturbed),
        },
        None => None,
    };
    if let Some(recap) = recap.or_else(|| first_line(&said.text)) {
        store
            .write(move |tx| sessions::set_recap_found(tx, session_id, &recap))
            .await?;
    }
    Ok(())
}

fn question(model: String, said: &Message, reply: &Message) -> Question {
    Question {
        purpose: Purpose::Recap,
        session_id: reply.session_id,
        messages: 2,
        message_id: reply.id,
        model,
        instruction: PROMPT,
        text: format!(
            "The chat began so:\n\n[User]\n{}\n\n[Assistant]\n{}\n\nName it.",
            excerpt(said.text.trim(), MESSAGE_CHARS_MAX),
            excerpt(reply.text.trim(), MESSAGE_CHARS_MAX)
        ),
        max_tokens: ANSWER_TOKENS,
    }
}

/// The recap in an answer: one line, not too long.
fn line(answer: &str) -> Option<String> {
    let mut lines = bare(answer).lines().map(plain).filter(|it| !it.is_empty());
    let line = lines.next()?;
    let fits = line.chars().count() <= RECAP_CHARS_MAX && lines.next().is_none();
    fits.then_some(line)
}

/// The first line of a message, cut at a word.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(plain).find(|it| !it.is_empty())?;
    if line.chars().count() <= RECAP_CHARS_MAX {
        return Some(line);
    }
    let cut: String = line.chars().take(RECAP_CHARS_MAX - 1).collect();
    let whole_words = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(words, _)| words);
    Some(format!("{}…", whole_words.trim_end()))
}

/// A line without marks around it: quotation marks, Markdown's, a full stop.
fn plain(line: &str) -> String {
    let spaced: String = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let marks = [
        '"', '\'', '“', '”', '„', '«', '»', '*', '#', '`', '>', '-', ' ',
    ];
    words.trim_matches(marks).trim_end_matches('.').to_owned()
}
