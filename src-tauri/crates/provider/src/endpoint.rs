//! The kinds of endpoint: which protocol a server speaks.

use serde::{Deserialize, Serialize};

/// The protocol that an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// Ollama's own API, by address.
    Ollama,
    /// OpenAI's API served by somebody else: llama.cpp, LM Studio, vLLM, Jan, a gateway.
    OpenaiCompatible,
    /// OpenAI, by key.
    Openai,
    /// Anthropic, by key.
    Anthropic,
    /// Google Gemini, by key.
    Gemini,
}

impl EndpointKind {
    /// Every kind, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::Ollama,
        Self::OpenaiCompatible,
        Self::Openai,
        Self::Anthropic,
        Self::Gemini,
    ];

    /// The name under which the kind is stored, as serde writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenaiCompatible => "openai_compatible",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The kind stored under `name`, the reverse of [`EndpointKind::as_str`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name that a person reads.
    #[must_use]
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Ollama => "Ollama",
            Self::OpenaiCompatible => "OpenAI-compatible server",
            Self::Openai => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Google Gemini",
        }
    }

    /// The usual address. For [`EndpointKind::OpenaiCompatible`] that of llama.cpp.
    #[must_use]
    pub fn default_base_url(self) -> &'static str {
        match self {
            Self::Ollama => "http://127.0.0.1:11434",
            Self::OpenaiCompatible => "http://127.0.0.1:8080/v1",
            Self::Openai => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
        }
    }

    /// Whether nothing can be asked without an API key.
    #[must_use]
    pub fn needs_key(self) -> bool {
        matches!(self, Self::Openai | Self::Anthropic | Self::Gemini)
    }
}
