//! Lists of models.

mod common;

use chatkeep_provider::{Connection, EndpointKind, ProviderError, list_models};
use common::{Answer, Server, connection, nobody};

const OPENAI: &str = r#"{"object":"list","data":[
    {"id":"gpt-4o","owned_by":"system"},{"id":"text-embedding-3-small"},{"id":"whisper-1"},
    {"id":"gpt-4o-mini"},{"id":"dall-e-3"},{"id":"tts-1"},{"id":"gpt-4o"}]}"#;

async fn list(kind: EndpointKind, body: &str) -> (Result<Vec<String>, ProviderError>, String) {
    let server = Server::answering(Answer::json(body)).await;
    let models = list_models(&connection(kind, &server.url)).await;
    let request = server.request();
    assert_eq!(request.method, "GET");
    (models, request.path)
}

#[tokio::test]
async fn ollamas_list_is_sorted_and_without_models_that_embed() {
    let (models, path) = list(
        EndpointKind::Ollama,
        r#"{"models":[
            {"name":"qwen3:8b","model":"qwen3:8b","details":{"family":"qwen3"}},
            {"name":"nomic-embed-text:latest","details":{"family":"nomic-bert"}},
            {"name":"all-minilm:latest","details":{"family":"bert"}},
            {"name":"gemma3:1b","details":{"family":"gemma3"}},
            {"name":"bare"}]}"#,
    )
    .await;
    assert_eq!(path, "/api/tags");
    assert_eq!(models.expect("models"), ["bare", "gemma3:1b", "qwen3:8b"]);
}

#[tokio::test]
async fn a_compatible_servers_list_is_sorted_and_without_models_that_embed() {
    let (models, path) = list(
        EndpointKind::OpenaiCompatible,
        r#"{"data":[{"id":"qwen3"},{"id":"text-embedding-nomic"},{"id":"gpt-oss-instruct"}]}"#,
    )
    .await;
    assert_eq!(path, "/v1/models");
    assert_eq!(models.expect("models"), ["gpt-oss-instruct", "qwen3"]);
}

#[tokio::test]
async fn openais_list_holds_the_models_that_chat_once_each() {
    let (models, path) = list(EndpointKind::Openai, OPENAI).await;
    assert_eq!(path, "/v1/models");
    assert_eq!(models.expect("models"), ["gpt-4o", "gpt-4o-mini"]);
}

#[tokio::test]
async fn claudes_list_is_asked_for_on_one_page() {
    let (models, path) = list(
        EndpointKind::Anthropic,
        r#"{"data":[{"type":"model","id":"claude-sonnet-4-5"},{"id":"claude-opus-4-1"}],
            "has_more":false}"#,
    )
    .await;
    assert_eq!(path, "/v1/models?limit=1000");
    assert_eq!(
        models.expect("models"),
        ["claude-opus-4-1", "claude-sonnet-4-5"]
    );
}

#[tokio::test]
async fn geminis_list_holds_what_generates_text() {
    let (models, path) = list(
        EndpointKind::Gemini,
        r#"{"models":[
            {"name":"models/gemini-2.5-pro","supportedGenerationMethods":["generateContent"]},
            {"name":"models/text-embedding-004","supportedGenerationMethods":["embedContent"]}]}"#,
    )
    .await;
    assert_eq!(path, "/v1beta/models?pageSize=1000");
    assert_eq!(models.expect("models"), ["gemini-2.5-pro"]);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error() {
    for kind in EndpointKind::ALL {
        for body in [
            "{}",
            "[]",
            "<p>Welcome</p>",
            "",
            "{\"models\":3,\"data\":3}",
        ] {
            let (models, _) = list(kind, body).await;
            assert!(
                matches!(models, Err(ProviderError::Reply { .. })),
                "{kind:?} {body}"
            );
        }
    }
}

#[tokio::test]
async fn every_refusal_has_its_own_error() {
    let cases = [
        ("401 Unauthorized", ProviderError::Key { given: true }),
        (
            "429 Too Many",
            ProviderError::RateLimited {
                retry_after_s: Some(5),
            },
        ),
        (
            "404 Not Found",
            ProviderError::Refused {
                status: 404,
                message: "no such path".into(),
            },
        ),
    ];
    for kind in EndpointKind::ALL {
        for (status, expected) in &cases {
            let body = r#"{"error":{"message":"no such path"}}"#;
            let answer = Answer::status(status, "retry-after: 5\r\n", body);
            let server = Server::answering(answer).await;
            let models = list_models(&connection(kind, &server.url)).await;
            assert_eq!(models, Err(expected.clone()), "{kind:?} {status}");
        }
    }
}

#[tokio::test]
async fn without_the_key_that_it_needs_nothing_is_asked() {
    for kind in EndpointKind::ALL
        .into_iter()
        .filter(|kind| kind.needs_key())
    {
        let server = Server::answering(Answer::json(OPENAI)).await;
        let keyless = Connection {
            key: None,
            ..connection(kind, &server.url)
        };
        assert_eq!(
            list_models(&keyless).await,
            Err(ProviderError::Key { given: false })
        );
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let url = nobody().await;
    for kind in EndpointKind::ALL {
        let models = list_models(&connection(kind, &url)).await;
        assert!(
            matches!(models, Err(ProviderError::Unreachable { .. })),
            "{kind:?}: {models:?}"
        );
    }
}
