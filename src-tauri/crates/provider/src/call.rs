//! One call to a server: turns what went wrong into a [`ProviderError`] that tells nothing secret.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::http::CONNECT_LIMIT;
use crate::{ApiKey, Connection, EndpointKind, ProviderError};

/// How much of a server's own words is shown.
const MESSAGE_CHARS_MAX: usize = 300;

/// How much of a message's beginning is looked for in a server's words; a shorter message is not
/// looked for at all, as it would be found in any sentence.
const OPENING_CHARS: usize = 24;
const OPENING_CHARS_MIN: usize = 12;

/// What an error about this call has to say, and what it must not.
#[derive(Debug)]
pub(crate) struct Call {
    kind: EndpointKind,
    base_url: String,
    model: Option<String>,
    /// How long the server may be silent.
    idle: Duration,
    key: Option<ApiKey>,
    /// The first characters of every text that was sent: some servers quote the request in their
    /// complaint about it.
    openings: Vec<String>,
}

impl Call {
    /// A call that sends no text. Fails if the key that it needs is missing.
    pub(crate) fn new(connection: &Connection, idle: Duration) -> Result<Self, ProviderError> {
        if connection.kind.needs_key() && connection.key.is_none() {
            return Err(ProviderError::Key { given: false });
        }
        Ok(Self {
            kind: connection.kind,
            base_url: connection.base_url.clone(),
            model: None,
            idle,
            key: connection.key.clone(),
            openings: Vec::new(),
        })
    }

    /// The same call, to `model`, sending `texts`.
    pub(crate) fn sending<'a>(self, model: &str, texts: impl Iterator<Item = &'a str>) -> Self {
        let openings = texts.filter_map(opening).collect();
        Self {
            model: Some(model.to_owned()),
            openings,
            ..self
        }
    }

    /// How long the server may be silent.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }

    /// The server could not be talked to.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> ProviderError {
        let mut cause = error.source();
        let mut reason = "no connection".to_owned();
        while let Some(inner) = cause {
            reason = inner.to_string();
            cause = inner.source();
        }
        ProviderError::Unreachable {
            base_url: self.base_url.clone(),
            reason,
        }
    }

    /// The HTTP library failed.
    pub(crate) fn transport(&self, error: &reqwest::Error) -> ProviderError {
        if error.is_connect() && error.is_timeout() {
            let reason = format!("no answer within {} seconds", CONNECT_LIMIT.as_secs());
            return ProviderError::Unreachable {
                base_url: self.base_url.clone(),
                reason,
            };
        }
        if error.is_timeout() {
            return ProviderError::timeout(self.idle);
        }
        if error.is_body() || error.is_decode() {
            return ProviderError::cut();
        }
        self.unreachable(error)
    }

    /// The server answered with a status other than success.
    pub(crate) fn refused(&self, status: u16, headers: &HeaderMap, body: &str) -> ProviderError {
        // Gemini's answer to a wrong key is 400, told apart only by the reason in the body.
        let gemini_key = self.kind == EndpointKind::Gemini && body.contains("API_KEY_INVALID");
        match (status, &self.model) {
            (401 | 403, _) => ProviderError::Key {
                given: self.key.is_some(),
            },
            (400, _) if gemini_key => ProviderError::Key {
                given: self.key.is_some(),
            },
            (404, Some(model)) => ProviderError::Model {
                model: model.clone(),
            },
            (429, _) => ProviderError::RateLimited {
                retry_after_s: retry_after_s(headers),
            },
            _ => ProviderError::Refused {
                status,
                message: self.words_of(body),
            },
        }
    }

    /// The server reported an error in the middle of its reply.
    pub(crate) fn broke_off(&self, report: &Value) -> ProviderError {
        let words = message_in(report).map(|message| self.discreet(message));
        match words {
            Some(words) => ProviderError::reply(format!("the server broke it off: {words}")),
            None => ProviderError::reply("the server broke it off without saying why"),
        }
    }

    fn words_of(&self, body: &str) -> String {
        let words = match serde_json::from_str::<Value>(body) {
            Ok(document) => message_in(&document).map(|message| self.discreet(message)),
            // A page in HTML says nothing to a user.
            Err(_) if body.trim_start().starts_with('<') => None,
            Err(_) => Some(self.discreet(body)),
        };
        words
            .filter(|words| !words.is_empty())
            .unwrap_or_else(|| "it did not say why".to_owned())
    }

    /// The server's words without the key, without anything from where it begins to quote a
    /// message, on one line and not too long.
    fn discreet(&self, words: &str) -> String {
        let mut words = words.to_owned();
        if let Some(key) = &self.key {
            words = words.replace(key.reveal(), "…");
        }
        for opening in &self.openings {
            if let Some(at) = words.find(opening.as_str()) {
                words.truncate(at);
                words.push('…');
            }
        }
        let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().take(MESSAGE_CHARS_MAX).collect()
    }
}

fn opening(text: &str) -> Option<String> {
    let opening: String = text.trim().chars().take(OPENING_CHARS).collect();
    (opening.chars().count() >= OPENING_CHARS_MIN).then_some(opening)
}

/// The sentence in a JSON error. Only fields that are meant to be read: validation errors carry
/// the whole request in others.
fn message_in(document: &Value) -> Option<&str> {
    const PLACES: [&str; 6] = [
        "/error/message",
        "/error",
        "/message",
        "/detail",
        "/detail/0/msg",
        "/0/error/message",
    ];
    PLACES
        .iter()
        .find_map(|place| document.pointer(place)?.as_str())
}

/// `Retry-After` in its two forms: seconds, or a date.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let wait = httpdate::parse_http_date(value)
        .ok()?
        .duration_since(SystemTime::now());
    // A date that has passed means "now"; a part of a second still has to be waited for.
    Some(wait.map_or(0, |wait| {
        wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
    }))
}
