//! How many tokens a text has, and how many a model takes. Neither asks a server.

use tiktoken_rs::model::get_context_size;
use tiktoken_rs::o200k_base_singleton;

use crate::endpoint::EndpointKind;

/// What Ollama gives a model unless it is told otherwise.
/// <https://github.com/ollama/ollama/blob/main/docs/faq.mdx>
const OLLAMA_WINDOW: u32 = 4096;
/// What even small models take.
const UNKNOWN_WINDOW: u32 = 8192;
/// What every Claude since the third takes. <https://docs.anthropic.com/en/docs/about-claude/models>
const CLAUDE_WINDOW: u32 = 200_000;
/// What every Gemini since 1.5 Flash takes. <https://ai.google.dev/gemini-api/docs/models>
const GEMINI_WINDOW: u32 = 1_048_576;

/// Counts the tokens of a text by OpenAI's o200k vocabulary. Other models count otherwise, mostly
/// up to a third more; their ratio is learned from what they report.
///
/// The first call loads the vocabulary, which takes a moment.
#[must_use]
pub fn count_tokens(text: &str) -> u32 {
    let tokens = o200k_base_singleton().count_ordinary(text);
    tokens.try_into().unwrap_or(u32::MAX)
}

/// How many tokens a model takes, request and reply together. Of one on a server of the user's own
/// it is what such servers give by default: they cut off the beginning of what is longer, unseen.
#[must_use]
pub fn context_window(kind: EndpointKind, model: &str) -> u32 {
    match kind {
        EndpointKind::Ollama => OLLAMA_WINDOW,
        EndpointKind::OpenaiCompatible => UNKNOWN_WINDOW,
        EndpointKind::Openai => get_context_size(model)
            .and_then(|tokens| tokens.try_into().ok())
            .unwrap_or(UNKNOWN_WINDOW),
        EndpointKind::Anthropic => CLAUDE_WINDOW,
        EndpointKind::Gemini => GEMINI_WINDOW,
    }
}
