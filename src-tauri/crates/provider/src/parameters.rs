//! A persona's parameters, and which of them each protocol takes.
//!
//! What a provider does not take is left out or brought into its range, never sent to be refused.
//! Seen in 2025 and 2026:
//!
//! | | temperature | top-p | max tokens | repeat penalty | stop sequences |
//! |---|---|---|---|---|---|
//! | Ollama (`options`, docs/modelfile.md) | as is | as is | `num_predict` | `repeat_penalty` | all |
//! | self-hosted OpenAI-compatible | as is | as is | `max_tokens` | both names, see below | all |
//! | other OpenAI-compatible | as is | as is | `max_tokens` | left out | all |
//! | OpenAI | 0 to 2 | as is | by model | left out, it has none | the first 4 |
//! | OpenAI, reasoning models | left out | left out | by model | left out | left out |
//! | Anthropic, up to Opus 4.6 | 0 to 1 | only without a temperature | always sent | left out | not blank |
//! | Anthropic, later | left out | left out | always sent | left out | not blank |
//! | Gemini | 0 to 2 | as is | `maxOutputTokens` | left out | the first 5 |
//!
//! llama.cpp (tools/server/README.md), LM Studio and Jan call it `repeat_penalty`, vLLM (its
//! `SamplingParams`) `repetition_penalty`; all of them pass over fields that they do not know, so
//! both are sent. Hosted gateways (Groq, Mistral, Google) answer an unknown field with 400 or 422
//! and cannot be told from their address, so a server outside the user's own network gets neither.
//!
//! Claude since Opus 4.1 refuses temperature and top-p together, and since Opus 4.7 refuses
//! either; OpenAI's reasoning models refuse temperature, top-p and stop.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::EndpointKind;
use crate::address::is_self_hosted;

const OPENAI_STOP_SEQUENCES_MAX: usize = 4;
const GEMINI_STOP_SEQUENCES_MAX: usize = 5;

/// How a reply is sampled. `None` leaves it to the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// 0 to 2; higher is more varied.
    pub temperature: Option<f64>,
    /// The longest reply, in tokens.
    pub max_tokens: Option<u32>,
    /// 0 to 1; only the likeliest tokens that together reach this probability.
    pub top_p: Option<f64>,
    /// Above 1 makes repetition less likely, below 1 likelier.
    pub repeat_penalty: Option<f64>,
    /// Texts at which the reply ends.
    pub stop_sequences: Vec<String>,
}

impl Parameters {
    /// What of these `model` at `root` takes.
    pub(crate) fn fitted(&self, kind: EndpointKind, model: &str, root: &Url) -> Self {
        let mut fitted = self.clone();
        fitted.repeat_penalty = self.repeat_penalty.filter(|penalty| *penalty > 0.0);
        fitted
            .stop_sequences
            .retain(|sequence| !sequence.is_empty());
        match kind {
            EndpointKind::Ollama => {}
            EndpointKind::OpenaiCompatible if is_self_hosted(root) => {}
            EndpointKind::OpenaiCompatible => fitted.repeat_penalty = None,
            EndpointKind::Openai => fitted.fit_openai(model),
            EndpointKind::Anthropic => fitted.fit_anthropic(model),
            EndpointKind::Gemini => {
                fitted.repeat_penalty = None;
                fitted.stop_sequences.truncate(GEMINI_STOP_SEQUENCES_MAX);
            }
        }
        fitted
    }

    fn fit_openai(&mut self, model: &str) {
        self.repeat_penalty = None;
        self.stop_sequences.truncate(OPENAI_STOP_SEQUENCES_MAX);
        if is_openai_reasoning(model) {
            self.temperature = None;
            self.top_p = None;
            self.stop_sequences.clear();
        }
    }

    fn fit_anthropic(&mut self, model: &str) {
        self.repeat_penalty = None;
        self.stop_sequences
            .retain(|sequence| !sequence.trim().is_empty());
        self.temperature = self
            .temperature
            .map(|temperature| temperature.clamp(0.0, 1.0));
        let samples = claude_version(model).is_some_and(|version| version < (4, 7));
        if !samples {
            self.temperature = None;
        }
        if !samples || self.temperature.is_some() {
            self.top_p = None;
        }
    }
}

/// `o1`, `o3-mini`, `gpt-5`, `gpt-6.1-mini`; not `gpt-4o` or `gpt-5-chat-latest`.
fn is_openai_reasoning(model: &str) -> bool {
    let generation = |prefix| {
        let digits: String = str::strip_prefix(model, prefix)
            .unwrap_or_default()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u32>().unwrap_or(0)
    };
    (generation("o") >= 1 || generation("gpt-") >= 5) && !model.contains("-chat")
}

/// `(3, 5)` of `claude-3-5-haiku-20241022`, `(4, 0)` of `claude-sonnet-4-20250514`; `None` where
/// the name has no version, as the newest have not.
fn claude_version(model: &str) -> Option<(u32, u32)> {
    // A date has eight digits.
    let mut numbers = model
        .split('-')
        .skip_while(|part| parse_short(part).is_none())
        .map_while(parse_short);
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

fn parse_short(part: &str) -> Option<u32> {
    (part.len() <= 2).then(|| part.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::Parameters;
    use crate::EndpointKind::OpenaiCompatible;
    use crate::address::api_root;

    /// Through the public API this would take a server on the internet.
    #[test]
    fn a_hosted_gateway_is_sent_everything_but_the_repeat_penalty() {
        let asked = Parameters {
            temperature: Some(1.5),
            repeat_penalty: Some(1.1),
            stop_sequences: vec!["a".to_owned()],
            ..Parameters::default()
        };
        let expected = Parameters {
            repeat_penalty: None,
            ..asked.clone()
        };
        let gateway = api_root(OpenaiCompatible, "https://api.groq.com/openai/v1");
        assert_eq!(
            gateway.map(|root| asked.fitted(OpenaiCompatible, "m", &root)),
            Ok(expected)
        );
    }
}
