//! Vectors from a server.

mod common;

use chatkeep_provider::{EndpointKind, ProviderError, embed, list_embedding_models};
use serde_json::json;

use common::{Answer, SECRET, Server, connection, nobody};

const OLLAMA: &str = r#"{"model":"m","embeddings":[[0.6,0.8],[1.0,0.0]],"total_duration":1}"#;
/// Out of order, as the protocol allows.
const OPENAI: &str = r#"{"object":"list","model":"m","data":[
    {"object":"embedding","index":1,"embedding":[1.0,0.0]},
    {"object":"embedding","index":0,"embedding":[0.6,0.8]}]}"#;

fn texts() -> Vec<String> {
    vec!["The first text of all".to_owned(), "the second".to_owned()]
}

type Vectors = Result<Vec<Vec<f32>>, ProviderError>;

async fn answered(kind: EndpointKind, answer: Answer) -> Vectors {
    let server = Server::answering(answer).await;
    embed(&connection(kind, &server.url), "m", &texts()).await
}

#[tokio::test]
async fn ollama_embeds_by_its_own_api() {
    let server = Server::answering(Answer::json(OLLAMA)).await;
    let connection = connection(EndpointKind::Ollama, &server.url);
    let vectors = embed(&connection, "m", &texts()).await.expect("vectors");
    assert_eq!(vectors, [[0.6, 0.8], [1.0, 0.0]]);
    let request = server.request();
    assert_eq!((&*request.method, &*request.path), ("POST", "/api/embed"));
    assert_eq!(request.json(), json!({ "model": "m", "input": texts() }));
}

#[tokio::test]
async fn openais_protocol_is_read_in_the_order_of_its_numbers() {
    for kind in [EndpointKind::OpenaiCompatible, EndpointKind::Openai] {
        let server = Server::answering(Answer::json(OPENAI)).await;
        let vectors = embed(&connection(kind, &server.url), "m", &texts()).await;
        assert_eq!(vectors.expect("vectors"), [[0.6, 0.8], [1.0, 0.0]]);
        let request = server.request();
        assert_eq!(request.path, "/v1/embeddings");
        let authorization = format!("Bearer {SECRET}");
        assert_eq!(request.header("authorization"), Some(&*authorization));
        assert_eq!(request.json()["input"], json!(texts()));
        assert_eq!(request.json()["encoding_format"], "float");
    }
}

#[tokio::test]
async fn a_provider_without_embeddings_is_not_asked() {
    for kind in [EndpointKind::Anthropic, EndpointKind::Gemini] {
        let server = Server::answering(Answer::json("{}")).await;
        let vectors = embed(&connection(kind, &server.url), "m", &texts()).await;
        let provider = kind.display_name();
        assert_eq!(vectors, Err(ProviderError::NoEmbeddings { provider }));
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn vectors_that_cannot_be_used_are_an_error() {
    let bad = [
        r#"{"embeddings":[[1.0]]}"#,
        r#"{"embeddings":[[1.0],[1.0,2.0]]}"#,
        r#"{"embeddings":[[1.0],[0.0]]}"#,
        r#"{"embeddings":[[1.0],[1e39]]}"#,
        r#"{"embeddings":[[],[]]}"#,
        r#"{"embeddings":"none"}"#,
        "not JSON",
    ];
    for body in bad {
        let vectors = answered(EndpointKind::Ollama, Answer::json(body)).await;
        assert!(
            matches!(vectors, Err(ProviderError::Reply { .. })),
            "{body}: {vectors:?}"
        );
    }
}

#[tokio::test]
async fn what_the_server_says_is_told_without_the_text() {
    let body = r#"{"error":"input too long: The first text of all, and so on"}"#;
    let refusal = Answer::status("400 Bad Request", "", body);
    let vectors = answered(EndpointKind::Ollama, refusal).await;
    let Err(ProviderError::Refused {
        status: 400,
        message,
    }) = &vectors
    else {
        panic!("{vectors:?}")
    };
    assert_eq!(message, "input too long: …");

    let unknown = Answer::status("404 Not Found", "", "{}");
    let vectors = answered(EndpointKind::Ollama, unknown).await;
    let model = "m".to_owned();
    assert_eq!(vectors, Err(ProviderError::Model { model }));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let url = nobody().await;
    let vectors = embed(&connection(EndpointKind::Ollama, &url), "m", &texts()).await;
    assert!(matches!(vectors, Err(ProviderError::Unreachable { .. })));
}

#[tokio::test]
async fn the_models_that_embed_are_listed_apart() {
    let ollama = r#"{"models":[{"name":"llama3:8b","details":{"family":"llama"}},
        {"name":"nomic-embed-text","details":{"family":"nomic-bert"}},
        {"name":"all-minilm","details":{"family":"bert"}}]}"#;
    let openai = r#"{"data":[{"id":"gpt-5"},{"id":"text-embedding-3-small"}]}"#;
    let cases = [
        (
            EndpointKind::Ollama,
            ollama,
            vec!["all-minilm", "nomic-embed-text"],
        ),
        (EndpointKind::Openai, openai, vec!["text-embedding-3-small"]),
    ];
    for (kind, body, expected) in cases {
        let server = Server::answering(Answer::json(body)).await;
        let models = list_embedding_models(&connection(kind, &server.url)).await;
        assert_eq!(models.expect("a list"), expected);
    }
}
