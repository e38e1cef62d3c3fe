//! Local servers, found by asking at their usual ports. Only this machine is asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::models::{Purpose, list_within};
use crate::{Connection, EndpointKind};

/// How long a port is given. A server that is there answers in a few milliseconds.
const PROBE_LIMIT: Duration = Duration::from_millis(500);

/// A server that was found on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct LocalServer {
    /// The protocol that it speaks.
    pub kind: EndpointKind,
    /// The program, as far as it can be told.
    pub name: String,
    /// Its address.
    pub base_url: String,
    /// Its models, sorted.
    pub models: Vec<String>,
}

/// A port to ask at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPort {
    /// The TCP port.
    pub port: u16,
    /// The protocol to try.
    pub kind: EndpointKind,
    /// The program that usually listens there.
    pub name: &'static str,
}

/// Where local servers usually listen.
pub const USUAL_PORTS: [LocalPort; 5] = [
    LocalPort {
        port: 11434,
        kind: EndpointKind::Ollama,
        name: "Ollama",
    },
    LocalPort {
        port: 1234,
        kind: EndpointKind::OpenaiCompatible,
        name: "LM Studio",
    },
    LocalPort {
        port: 8080,
        kind: EndpointKind::OpenaiCompatible,
        name: "llama.cpp",
    },
    LocalPort {
        port: 8000,
        kind: EndpointKind::OpenaiCompatible,
        name: "vLLM",
    },
    LocalPort {
        port: 1337,
        kind: EndpointKind::OpenaiCompatible,
        name: "Jan",
    },
];

/// Finds the servers at [`USUAL_PORTS`], and the Ollama that `OLLAMA_HOST` names if that is on
/// this machine. Takes at most half a second.
pub async fn discover() -> Vec<LocalServer> {
    let named = std::env::var("OLLAMA_HOST")
        .ok()
        .and_then(|host| ollama_port(&host));
    let named = named.filter(|port| USUAL_PORTS.iter().all(|usual| usual.port != *port));
    let named = named.map(|port| LocalPort {
        port,
        kind: EndpointKind::Ollama,
        name: "Ollama",
    });
    let ports: Vec<LocalPort> = USUAL_PORTS.into_iter().chain(named).collect();
    discover_at(&ports).await
}

/// Finds the servers at `ports`, asking all at once. In the order of `ports`.
pub async fn discover_at(ports: &[LocalPort]) -> Vec<LocalServer> {
    let mut probes = JoinSet::new();
    for (place, port) in ports.iter().copied().enumerate() {
        probes.spawn(async move { Some((place, probe(port).await?)) });
    }
    let mut found: Vec<_> = probes.join_all().await.into_iter().flatten().collect();
    found.sort_unstable_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, server)| server).collect()
}

/// The server at a port; anything that does not answer as one should is none.
async fn probe(port: LocalPort) -> Option<LocalServer> {
    let path = if port.kind == EndpointKind::Ollama {
        ""
    } else {
        "/v1"
    };
    let base_url = format!("http://127.0.0.1:{}{path}", port.port);
    let connection = Connection {
        kind: port.kind,
        base_url: base_url.clone(),
        key: None,
    };
    let listing = list_within(&connection, Purpose::Chat, PROBE_LIMIT)
        .await
        .ok()?;
    let name = match listing.owner.as_deref() {
        Some("llamacpp") => "llama.cpp",
        Some("vllm") => "vLLM",
        _ => port.name,
    };
    Some(LocalServer {
        kind: port.kind,
        name: name.to_owned(),
        base_url,
        models: listing.models,
    })
}

/// The port in `OLLAMA_HOST`, which is written in many ways, if a server there listens on this
/// machine. `0.0.0.0` does: it means every address that the machine has.
fn ollama_port(host: &str) -> Option<u16> {
    const DEFAULT_PORT: u16 = 11434;
    let host = host.trim();
    let host = host
        .strip_prefix("http://")
        .unwrap_or(host)
        .trim_end_matches('/');
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (host, DEFAULT_PORT),
    };
    matches!(name, "" | "localhost" | "127.0.0.1" | "0.0.0.0").then_some(port)
}

#[cfg(test)]
mod tests {
    use super::ollama_port;

    #[test]
    fn ollamas_host_is_read_in_every_way_in_which_it_is_written() {
        let here = [
            ("127.0.0.1:11500", 11500),
            ("http://localhost:11500/", 11500),
            (":11500", 11500),
            (" 0.0.0.0 ", 11434),
            ("localhost", 11434),
            ("", 11434),
        ];
        for (host, port) in here {
            assert_eq!(ollama_port(host), Some(port), "{host}");
        }
        for host in [
            "192.168.1.5:11434",
            "https://ollama.example.org",
            "localhost:many",
            "gpu",
        ] {
            assert_eq!(ollama_port(host), None, "{host}");
        }
    }
}
