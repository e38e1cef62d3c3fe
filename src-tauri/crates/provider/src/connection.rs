//! What it takes to reach an endpoint: protocol, address, key.

use std::fmt;

use crate::{EndpointKind, ProviderError};

/// An endpoint and the key to it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The protocol.
    pub kind: EndpointKind,
    /// The address, with or without the version (`/v1`) and a slash at the end.
    pub base_url: String,
    /// The API key, if there is one.
    pub key: Option<ApiKey>,
}

/// An API key. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Reads a key that a person typed or pasted; white space around it is dropped.
    ///
    /// # Errors
    /// [`ProviderError::InvalidKey`] if nothing is left, or if it holds characters that cannot
    /// stand in an HTTP header (spaces, line breaks, anything but visible ASCII).
    pub fn parse(text: &str) -> Result<Self, ProviderError> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ProviderError::InvalidKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// The key itself, for the request and the keychain.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
