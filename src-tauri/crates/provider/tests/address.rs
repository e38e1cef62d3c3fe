//! Addresses as people type them.

mod common;

use chatkeep_provider::{EndpointKind, ProviderError, list_models, parse_base_url};
use common::{Answer, Server, connection};

#[test]
fn an_address_is_tidied() {
    let cases = [
        ("  HTTP://LocalHost:8080/v1/ ", "http://localhost:8080/v1"),
        (
            "https://openrouter.ai/api/v1",
            "https://openrouter.ai/api/v1",
        ),
        ("http://[::1]:11434/", "http://[::1]:11434"),
        ("https://api.example.org:443", "https://api.example.org"),
    ];
    for (typed, tidied) in cases {
        assert_eq!(parse_base_url(typed).as_deref(), Ok(tidied), "{typed}");
    }
}

#[test]
fn every_other_address_is_refused_with_the_reason() {
    let cases = [
        ("", "http://"),
        ("localhost:11434", "http://"),
        ("file:///etc/passwd", "http://"),
        ("ftp://example.org", "http://"),
        ("http://", "not a valid"),
        ("http://exa mple", "not a valid"),
        ("http://host:99999", "not a valid"),
        ("https://user:sk-secret@host", "password"),
        ("https://host/?key=sk-secret", "?"),
        ("https://host/#sk-secret", "#"),
    ];
    for (typed, reason) in cases {
        match parse_base_url(typed) {
            Err(error @ ProviderError::InvalidUrl { .. }) => {
                assert!(error.to_string().contains(reason), "{typed}: {error}");
                assert!(!error.to_string().contains("sk-secret"), "{typed}: {error}");
            }
            other => panic!("{typed}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_version_is_added_where_it_is_missing_and_nowhere_else() {
    let cases = [
        (EndpointKind::Ollama, "", "/api/tags"),
        (EndpointKind::Ollama, "/", "/api/tags"),
        (EndpointKind::Ollama, "/v1", "/api/tags"),
        (EndpointKind::Ollama, "/api/", "/api/tags"),
        (
            EndpointKind::Ollama,
            "/behind/proxy",
            "/behind/proxy/api/tags",
        ),
        (EndpointKind::OpenaiCompatible, "", "/v1/models"),
        (EndpointKind::OpenaiCompatible, "/v1/", "/v1/models"),
        (EndpointKind::OpenaiCompatible, "/api/v1", "/api/v1/models"),
        (
            EndpointKind::OpenaiCompatible,
            "/v1beta/openai",
            "/v1beta/openai/models",
        ),
        (
            EndpointKind::OpenaiCompatible,
            "/paas/v4/",
            "/paas/v4/models",
        ),
        (EndpointKind::OpenaiCompatible, "/llm", "/llm/v1/models"),
        (EndpointKind::Openai, "", "/v1/models"),
        (EndpointKind::Anthropic, "/v1", "/v1/models?limit=1000"),
        (EndpointKind::Gemini, "", "/v1beta/models?pageSize=1000"),
    ];
    for (kind, typed, path) in cases {
        let server = Server::answering(Answer::json("{}")).await;
        let _ = list_models(&connection(kind, &format!("{}{typed}", server.url))).await;
        assert_eq!(server.request().path, path, "{kind:?} {typed}");
    }
}

#[test]
fn every_kind_has_a_name_and_an_address_that_can_be_used() {
    for kind in EndpointKind::ALL {
        assert_eq!(EndpointKind::parse(kind.as_str()), Some(kind));
        let written = serde_json::to_string(&kind).expect("JSON");
        assert_eq!(written, format!("\"{}\"", kind.as_str()));
        let address = kind.default_base_url();
        assert_eq!(parse_base_url(address).as_deref(), Ok(address), "{kind:?}");
        assert!(!kind.display_name().is_empty());
    }
    assert_eq!(EndpointKind::parse("bard"), None);
}
