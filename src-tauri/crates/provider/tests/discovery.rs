//! Finding the servers of this machine.

mod common;

use std::time::{Duration, Instant};

use chatkeep_provider::{EndpointKind, LocalPort, LocalServer, discover, discover_at};
use common::{Answer, Server, nobody};

const OLLAMA: &str = r#"{"models":[{"name":"qwen3:8b"},{"name":"gemma3:1b"}]}"#;

fn at(server: &Server, kind: EndpointKind, name: &'static str) -> LocalPort {
    LocalPort {
        port: server.port,
        kind,
        name,
    }
}

fn compatible(owner: &str) -> Answer {
    Answer::json(&format!(
        r#"{{"object":"list","data":[{{"id":"m","owned_by":"{owner}"}}]}}"#
    ))
}

#[tokio::test]
async fn servers_are_found_with_their_names_and_models_in_the_order_asked() {
    let ollama = Server::answering(Answer::json(OLLAMA)).await;
    let studio = Server::answering(compatible("organization_owner")).await;
    let vllm = Server::answering(compatible("vllm")).await;
    let ports = [
        at(&studio, EndpointKind::OpenaiCompatible, "LM Studio"),
        at(&ollama, EndpointKind::Ollama, "Ollama"),
        at(&vllm, EndpointKind::OpenaiCompatible, "llama.cpp"),
    ];

    let found = discover_at(&ports).await;

    let server = |kind, name: &str, base_url: String, models: &[&str]| LocalServer {
        kind,
        name: name.to_owned(),
        base_url,
        models: models.iter().map(|&model| model.to_owned()).collect(),
    };
    let compatible = EndpointKind::OpenaiCompatible;
    let expected = [
        server(
            compatible,
            "LM Studio",
            format!("{}/v1", studio.url),
            &["m"],
        ),
        server(
            EndpointKind::Ollama,
            "Ollama",
            ollama.url.clone(),
            &["gemma3:1b", "qwen3:8b"],
        ),
        server(compatible, "vLLM", format!("{}/v1", vllm.url), &["m"]),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_server_without_models_is_found_too() {
    let ollama = Server::answering(Answer::json(r#"{"models":[]}"#)).await;
    let found = discover_at(&[at(&ollama, EndpointKind::Ollama, "Ollama")]).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].models.is_empty());
}

#[tokio::test]
async fn whatever_else_listens_there_is_not_a_server() {
    let answers = [
        Answer::json("{}"),
        Answer::status("200 OK", "content-type: text/html\r\n", "<p>Welcome</p>"),
        Answer::status("404 Not Found", "", ""),
        Answer::status("401 Unauthorized", "", ""),
        Answer::raw("220 mail.example.org ESMTP\r\n"),
        Answer::raw(""),
    ];
    for answer in answers {
        let server = Server::answering(answer.clone()).await;
        for kind in [EndpointKind::Ollama, EndpointKind::OpenaiCompatible] {
            assert_eq!(
                discover_at(&[at(&server, kind, "?")]).await,
                [],
                "{answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn ports_that_hang_cost_half_a_second_together_and_hide_nobody() {
    let silent = Server::answering(Answer::raw("").then_hang()).await;
    let endless = Server::answering(Answer::stream("{\"models\":[").then_hang()).await;
    let ollama = Server::answering(Answer::json(OLLAMA)).await;
    let closed = nobody().await;
    let closed = closed
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let kind = EndpointKind::Ollama;
    let ports = [
        at(&silent, kind, "silent"),
        at(&silent, EndpointKind::OpenaiCompatible, "silent"),
        at(&endless, kind, "endless"),
        at(&endless, EndpointKind::OpenaiCompatible, "endless"),
        LocalPort {
            port: closed,
            kind,
            name: "closed",
        },
        at(&ollama, kind, "Ollama"),
    ];

    let started = Instant::now();
    let found = discover_at(&ports).await;

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "Ollama");
    assert!(
        started.elapsed() >= Duration::from_millis(500),
        "the silent ones had their time"
    );
    assert!(
        started.elapsed() < Duration::from_millis(950),
        "all were asked at once"
    );
}

#[tokio::test]
async fn the_usual_ports_of_this_machine_are_asked_without_a_failure() {
    let found = discover().await;
    assert!(
        found
            .iter()
            .all(|server| server.base_url.starts_with("http://127.0.0.1:"))
    );
}
