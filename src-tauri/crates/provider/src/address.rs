//! Addresses of endpoints: what a person types, and where each API then begins.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Url;

use crate::{EndpointKind, ProviderError};

/// Checks an address that a person typed and returns it tidied: no white space around it, no
/// slash at the end, the host in lower case.
///
/// # Errors
/// [`ProviderError::InvalidUrl`] if it does not begin with `http://` or `https://`, has no host,
/// or holds a user name, a password, a `?` or a `#`.
pub fn parse_base_url(text: &str) -> Result<String, ProviderError> {
    Ok(tidy(&parse(text)?))
}

/// Under which name the key of an address is kept. `http://host` and `http://host/v1/` are one.
pub(crate) fn key_account(base_url: &str) -> Result<String, ProviderError> {
    let tidy = parse_base_url(base_url)?;
    Ok(tidy.strip_suffix("/v1").unwrap_or(&tidy).to_owned())
}

/// Where the API of `kind` begins, always with a slash at the end.
pub(crate) fn api_root(kind: EndpointKind, base_url: &str) -> Result<Url, ProviderError> {
    let mut url = parse(base_url)?;
    let path = url.path().to_owned();
    let mut segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match version(kind) {
        Some(version) if !segments.iter().any(|part| is_version(part)) => segments.push(version),
        // People paste the address of Ollama's other APIs.
        None => drop(segments.pop_if(|part| matches!(*part, "v1" | "api"))),
        Some(_) => {}
    }
    segments.push("");
    url.set_path(&segments.join("/"));
    Ok(url)
}

/// Whether the address is this machine: such a request must not go through a proxy.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match ip(url) {
        Some(ip) => ip.is_loopback(),
        None => host(url) == "localhost" || host(url).ends_with(".localhost"),
    }
}

/// Whether the address is this machine or one on its own network.
pub(crate) fn is_self_hosted(url: &Url) -> bool {
    const LOCAL_SUFFIXES: [&str; 5] = [".local", ".lan", ".internal", ".home.arpa", ".ts.net"];
    match ip(url) {
        Some(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared(ip)
        }
        Some(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        None => {
            let host = host(url);
            is_loopback(url)
                || !host.contains('.')
                || LOCAL_SUFFIXES.iter().any(|suffix| host.ends_with(suffix))
        }
    }
}

fn parse(text: &str) -> Result<Url, ProviderError> {
    let invalid = |problem| ProviderError::InvalidUrl { problem };
    let text = text.trim();
    let scheme = text
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(invalid("it must begin with http:// or https://"));
    }
    let url = Url::parse(text).map_err(|_| invalid("it is not a valid http(s) address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "it must not hold a user name or password; the key has its own field",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it must not hold a ? or a #"));
    }
    Ok(url)
}

fn tidy(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The version that stands before every path of an API; Ollama's has none.
fn version(kind: EndpointKind) -> Option<&'static str> {
    match kind {
        EndpointKind::Ollama => None,
        EndpointKind::OpenaiCompatible | EndpointKind::Openai | EndpointKind::Anthropic => {
            Some("v1")
        }
        EndpointKind::Gemini => Some("v1beta"),
    }
}

/// Whether a path segment looks like `v1`, `v4` or `v1beta`.
fn is_version(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    bytes.next() == Some(b'v') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn ip(url: &Url) -> Option<IpAddr> {
    host(url).trim_matches(['[', ']']).parse().ok()
}

/// 100.64.0.0/10, which private overlay networks use.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && (64..128).contains(&second)
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, is_self_hosted, parse};

    fn all(addresses: &[&str], holds: fn(&reqwest::Url) -> bool) -> bool {
        addresses
            .iter()
            .all(|address| parse(address).is_ok_and(|url| holds(&url)))
    }

    const HERE: [&str; 4] = [
        "http://localhost",
        "http://127.0.0.9:1",
        "http://[::1]",
        "http://a.localhost",
    ];
    const NEAR: [&str; 8] = [
        "http://192.168.1.5",
        "http://10.0.0.2:8000",
        "http://172.16.3.4",
        "http://100.100.1.1",
        "http://[fd00::1]",
        "http://[fe80::1]",
        "http://gpu:8080",
        "http://gpu.local",
    ];
    const FAR: [&str; 6] = [
        "https://api.groq.com",
        "https://localhost.example.org",
        "http://8.8.8.8",
        "http://172.32.0.1",
        "http://100.128.0.1",
        "http://[2001:db8::1]",
    ];

    #[test]
    fn this_machine_is_told_from_its_neighbours() {
        assert!(all(&HERE, is_loopback));
        assert!(all(&NEAR, |url| !is_loopback(url)));
        assert!(all(&FAR, |url| !is_loopback(url)));
    }

    #[test]
    fn the_users_own_network_is_told_from_the_internet() {
        assert!(all(&HERE, is_self_hosted));
        assert!(all(&NEAR, is_self_hosted));
        assert!(all(&FAR, |url| !is_self_hosted(url)));
    }
}
