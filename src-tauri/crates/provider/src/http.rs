//! The HTTP clients, and the small requests: headers by protocol, a JSON document by GET or POST.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::is_loopback;
use crate::call::Call;
use crate::{Connection, EndpointKind, ProviderError};

/// How long a connection may take to come about.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// More than any list of models, batch of vectors or explanation of an error; a server that sends more is not one.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The client for an address; both are made once, because making one reads the system's
/// certificates.
pub(crate) fn client(url: &Url, call: &Call) -> Result<Client, ProviderError> {
    static THIS_MACHINE: OnceLock<Client> = OnceLock::new();
    static ELSEWHERE: OnceLock<Client> = OnceLock::new();
    let loopback = is_loopback(url);
    let made = if loopback { &THIS_MACHINE } else { &ELSEWHERE };
    if let Some(client) = made.get() {
        return Ok(client.clone());
    }
    let client = build(loopback).map_err(|error| call.unreachable(&error))?;
    Ok(made.get_or_init(|| client).clone())
}

fn build(loopback: bool) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(concat!("chatkeep/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .tcp_nodelay(true)
        // A redirect would carry the key, in a header that reqwest does not know to be secret, to
        // a server that the user did not name.
        .redirect(reqwest::redirect::Policy::none())
        // What was sent once may have been billed; a second try is the user's to make.
        .retry(reqwest::retry::never());
    if loopback {
        builder.no_proxy()
    } else {
        builder
    }
    .build()
}

/// The headers that carry the key and the version of the API.
pub(crate) fn headers(connection: &Connection) -> Vec<(&'static str, String)> {
    let key = connection.key.as_ref().map(|key| match connection.kind {
        EndpointKind::Anthropic => ("x-api-key", key.reveal().to_owned()),
        EndpointKind::Gemini => ("x-goog-api-key", key.reveal().to_owned()),
        _ => ("authorization", format!("Bearer {}", key.reveal())),
    });
    let version = (connection.kind == EndpointKind::Anthropic)
        .then(|| ("anthropic-version", "2023-06-01".to_owned()));
    key.into_iter().chain(version).collect()
}

/// [`headers`], marked so that the HTTP library does not print them.
pub(crate) fn header_map(connection: &Connection) -> HeaderMap {
    headers(connection)
        .into_iter()
        .filter_map(|(name, value)| {
            // An `ApiKey` holds nothing but visible ASCII, which is always a valid value.
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_static(name), value))
        })
        .collect()
}

/// Gets a JSON document, within `limit` from start to end.
pub(crate) async fn get_json<T: DeserializeOwned>(
    connection: &Connection,
    call: &Call,
    url: Url,
    limit: Duration,
) -> Result<T, ProviderError> {
    let request = client(&url, call)?.get(url);
    json(request.headers(header_map(connection)), call, limit).await
}

/// Sends a JSON document and gets one for it, within `limit` from start to end.
pub(crate) async fn post_json<T: DeserializeOwned>(
    connection: &Connection,
    call: &Call,
    url: Url,
    body: &impl Serialize,
    limit: Duration,
) -> Result<T, ProviderError> {
    let request = client(&url, call)?.post(url).json(body);
    json(request.headers(header_map(connection)), call, limit).await
}

async fn json<T: DeserializeOwned>(
    request: RequestBuilder,
    call: &Call,
    limit: Duration,
) -> Result<T, ProviderError> {
    let work = async {
        let response = request
            .send()
            .await
            .map_err(|error| call.transport(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = read(response, call).await?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(&body);
            return Err(call.refused(status.as_u16(), &headers, &text));
        }
        serde_json::from_slice(&body)
            .map_err(|_| ProviderError::reply("it is not the JSON that was expected"))
    };
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(ProviderError::timeout(limit)))
}

async fn read(mut response: reqwest::Response, call: &Call) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| call.transport(&error))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > DOCUMENT_BYTES_MAX {
            return Err(ProviderError::reply("it is far too long"));
        }
    }
    Ok(body)
}
