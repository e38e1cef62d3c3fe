//! The one error of this crate.

use std::time::Duration;

/// Why a model could not be asked, or did not answer.
///
/// No variant holds a key or the text of a message, and nothing was retried: after any of these
/// the server may or may not have seen the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// No conversation with the server came about.
    #[error("the server at {base_url} cannot be reached: {reason}")]
    Unreachable {
        /// The endpoint's address.
        base_url: String,
        /// What the operating system or the HTTP library said.
        reason: String,
    },
    /// The server wants a key and there is none, or it refuses the one there is (401, 403).
    #[error("{}", if *.given { "the server refused the API key" } else { "an API key is needed" })]
    Key {
        /// Whether a key was sent.
        given: bool,
    },
    /// Too many requests, or the quota is used up (429).
    #[error("the server limits how often it may be asked{}", wait_text(.retry_after_s))]
    RateLimited {
        /// Seconds to wait, if the server said (`Retry-After`).
        retry_after_s: Option<u64>,
    },
    /// The server does not know the model (404).
    #[error("the server does not know the model “{model}”, or its address is wrong")]
    Model {
        /// The model's name.
        model: String,
    },
    /// The server answered with another HTTP status than success.
    #[error("the server refused the request with status {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server said, at most 300 characters.
        message: String,
    },
    /// The reply was malformed, or broke off before its end.
    #[error("the server's reply cannot be used: {what}")]
    Reply {
        /// What is wrong with it.
        what: String,
    },
    /// The server took too long.
    #[error("the server sent nothing for {waited_s} seconds")]
    Timeout {
        /// How long it was given, in seconds.
        waited_s: u64,
    },
    /// The provider has no models that embed.
    #[error("{provider} has no models that turn texts into vectors")]
    NoEmbeddings {
        /// The provider's name.
        provider: &'static str,
    },
    /// The address cannot be used.
    #[error("the address cannot be used: {problem}")]
    InvalidUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The text cannot be an API key.
    #[error("an API key is one word of letters, digits and signs, without spaces")]
    InvalidKey,
    /// The operating system's keychain is there but did not do what was asked.
    #[error("the keychain of the operating system failed: {problem}")]
    Keychain {
        /// What went wrong.
        problem: &'static str,
    },
}

impl ProviderError {
    /// A reply that cannot be used, and why.
    pub(crate) fn reply(what: impl Into<String>) -> Self {
        Self::Reply { what: what.into() }
    }

    /// Silence for the whole of `limit`.
    pub(crate) fn timeout(limit: Duration) -> Self {
        Self::Timeout {
            waited_s: limit
                .as_millis()
                .div_ceil(1000)
                .try_into()
                .unwrap_or(u64::MAX),
        }
    }

    /// A reply without its end.
    pub(crate) fn cut() -> Self {
        Self::reply("it broke off before its end")
    }
}

fn wait_text(retry_after_s: &Option<u64>) -> String {
    retry_after_s
        .map(|seconds| format!("; try again in {seconds} seconds"))
        .unwrap_or_default()
}
