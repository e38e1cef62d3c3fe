//! A summary without a model: the sentences of the messages that matter most, in their order.

use crate::context::importance;
use crate::messages::{Message, Role};

/// The longest such summary, in characters.
const CHARS_MAX: usize = 1500;
/// How much of one message, in characters.
const PIECE_CHARS_MAX: usize = 160;

/// Pieces of the messages: the beginning of each, of those that matter most as many as have room, in
/// the order in which they were said. The same messages give the same text.
#[must_use]
pub fn extract(messages: &[Message]) -> String {
    let mut pieces: Vec<(usize, f64, String)> = messages
        .iter()
        .enumerate()
        .filter_map(|(at, message)| Some((at, importance(message), piece(message)?)))
        .collect();
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut room = CHARS_MAX;
    pieces.retain(|(_, _, piece)| {
        let chars = piece.chars().count() + 1;
        let fits = chars <= room;
        if fits {
            room -= chars;
        }
        fits
    });
    pieces.sort_by_key(|(at, _, _)| *at);
    let lines: Vec<String> = pieces.into_iter().map(|(_, _, piece)| piece).collect();
    if lines.is_empty() {
        return "Nothing was said.".to_owned();
    }
    lines.join("\n")
}

/// "User: How long does green tea steep?"
fn piece(message: &Message) -> Option<String> {
    let text = beginning(&message.text);
    let speaker = match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
        Role::System => "Instruction",
        Role::Tool => "Tool",
    };
    (!text.is_empty()).then(|| format!("{speaker}: {text}"))
}

/// The first sentence outside of code, in one line.
fn beginning(text: &str) -> String {
    let prose = text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    let source = if prose.trim().is_empty() {
        text
    } else {
        &prose
    };
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = line
        .match_indices(['.', '!', '?', '。', '！', '？'])
        .map(|(at, mark)| at + mark.len())
        .find(|end| {
            line.get(*end..)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
        .and_then(|end| line.get(..end))
        .unwrap_or(&line);
    shortened(sentence, PIECE_CHARS_MAX)
}

fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    format!("{}…", kept.trim_end())
}
