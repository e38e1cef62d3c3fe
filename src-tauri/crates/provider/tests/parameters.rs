//! What goes over the wire to each kind of endpoint.

mod common;

use chatkeep_provider::{ChatRequest, EndpointKind, Limits, Parameters, Turn};
use common::{Answer, Request, SECRET, Server, connection, parts, question, whole_reply};
use serde_json::{Value, json};

fn every_parameter() -> Parameters {
    Parameters {
        temperature: Some(1.5),
        max_tokens: Some(256),
        top_p: Some(0.9),
        repeat_penalty: Some(1.1),
        stop_sequences: ["a", "", "b", " ", "c", "d", "e"]
            .map(str::to_owned)
            .to_vec(),
    }
}

async fn sent(kind: EndpointKind, model: &str, parameters: Parameters) -> Request {
    let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
    let request = ChatRequest {
        model: model.to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![
            Turn::user("Hi"),
            Turn::assistant("Hello"),
            Turn::user("Why?"),
        ],
        parameters,
    };
    parts(&connection(kind, &server.url), request, Limits::default()).await;
    server.request()
}

async fn body(kind: EndpointKind, model: &str, parameters: Parameters) -> Value {
    sent(kind, model, parameters).await.json()
}

#[tokio::test]
async fn ollama_is_sent_every_parameter_as_an_option() {
    let request = sent(EndpointKind::Ollama, "llama3.2:1b", every_parameter()).await;
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/chat")
    );
    let expected = json!({
        "model": "llama3.2:1b",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Why?" },
        ],
        "stream": true,
        "options": {
            "temperature": 1.5,
            "num_predict": 256,
            "top_p": 0.9,
            "repeat_penalty": 1.1,
            "stop": ["a", "b", " ", "c", "d", "e"],
        },
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn a_self_hosted_server_is_sent_the_repeat_penalty_under_both_names() {
    let request = sent(
        EndpointKind::OpenaiCompatible,
        "qwen3:8b",
        every_parameter(),
    )
    .await;
    assert_eq!(request.path, "/v1/chat/completions");
    let expected = json!({
        "model": "qwen3:8b",
        "stream": true,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Why?" },
        ],
        "stream_options": { "include_usage": true },
        "temperature": 1.5,
        "stop": ["a", "b", " ", "c", "d", "e"],
        "max_tokens": 256,
        "top_p": 0.9,
        "repeat_penalty": 1.1,
        "repetition_penalty": 1.1,
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn openai_is_sent_no_repeat_penalty_and_four_stop_sequences() {
    let request = sent(EndpointKind::Openai, "gpt-4o-mini", every_parameter()).await;
    assert_eq!(request.path, "/v1/chat/completions");
    let expected = json!({
        "model": "gpt-4o-mini",
        "stream": true,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Why?" },
        ],
        "stream_options": { "include_usage": true },
        "temperature": 1.5,
        "stop": ["a", "b", " ", "c"],
        "max_tokens": 256,
        "top_p": 0.9,
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn openais_reasoning_models_are_sent_only_the_longest_reply() {
    for model in ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini"] {
        let body = body(EndpointKind::Openai, model, every_parameter()).await;
        let mut keys: Vec<_> = body
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        keys.sort();
        let expected = [
            "max_completion_tokens",
            "messages",
            "model",
            "stream",
            "stream_options",
        ];
        assert_eq!(keys, expected, "{model}");
        assert_eq!(body["max_completion_tokens"], 256, "{model}");
    }
    let chat = body(EndpointKind::Openai, "gpt-5-chat-latest", every_parameter()).await;
    assert_eq!(chat["temperature"], 1.5);
}

#[tokio::test]
async fn claude_is_sent_a_temperature_of_at_most_one_and_no_top_p_beside_it() {
    let model = "claude-3-5-haiku-20241022";
    let request = sent(EndpointKind::Anthropic, model, every_parameter()).await;
    assert_eq!(request.path, "/v1/messages");
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    let expected = json!({
        "model": model,
        "stream": true,
        "system": "Be brief.",
        "messages": [
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" },
            { "role": "user", "content": "Why?" },
        ],
        "temperature": 1.0,
        "stop_sequences": ["a", "b", "c", "d", "e"],
        "max_tokens": 256,
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn claude_is_sent_top_p_where_there_is_no_temperature() {
    let parameters = Parameters {
        temperature: None,
        ..every_parameter()
    };
    let body = body(
        EndpointKind::Anthropic,
        "claude-sonnet-4-20250514",
        parameters,
    )
    .await;
    assert_eq!(body["top_p"], 0.9);
    assert_eq!(body.get("temperature"), None);
}

#[tokio::test]
async fn newer_claudes_are_sent_neither_temperature_nor_top_p() {
    for model in [
        "claude-opus-4-7",
        "claude-sonnet-5",
        "claude-mythos-preview",
    ] {
        let body = body(EndpointKind::Anthropic, model, every_parameter()).await;
        assert_eq!(
            (body.get("temperature"), body.get("top_p")),
            (None, None),
            "{model}"
        );
        assert_eq!(body["max_tokens"], 256, "{model}");
        assert_eq!(
            body.get("thinking"),
            None,
            "{model}: thinking is left as it is"
        );
    }
    let older = body(
        EndpointKind::Anthropic,
        "claude-opus-4-6",
        every_parameter(),
    )
    .await;
    assert_eq!(older["temperature"], 1.0);
}

#[tokio::test]
async fn gemini_is_sent_five_stop_sequences_and_no_repeat_penalty() {
    let request = sent(EndpointKind::Gemini, "gemini-2.5-flash", every_parameter()).await;
    assert_eq!(
        request.path,
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    );
    let expected = json!({
        "systemInstruction": { "parts": [{ "text": "Be brief." }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "Hi" }] },
            { "role": "model", "parts": [{ "text": "Hello" }] },
            { "role": "user", "parts": [{ "text": "Why?" }] },
        ],
        "generationConfig": {
            "temperature": 1.5,
            "topP": 0.9,
            "maxOutputTokens": 256,
            "stopSequences": ["a", "b", " ", "c", "d"],
        },
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn what_a_persona_leaves_open_is_not_sent() {
    let none = Parameters::default;
    assert_eq!(
        body(EndpointKind::Ollama, "m", none()).await["options"],
        json!({})
    );
    for kind in [EndpointKind::OpenaiCompatible, EndpointKind::Openai] {
        let body = body(kind, "m", none()).await;
        let mut keys: Vec<_> = body
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        keys.sort();
        assert_eq!(
            keys,
            ["messages", "model", "stream", "stream_options"],
            "{kind:?}"
        );
    }
    assert_eq!(
        body(EndpointKind::Gemini, "m", none())
            .await
            .get("generationConfig"),
        None
    );
    let claude = body(EndpointKind::Anthropic, "claude-3-5-haiku-latest", none()).await;
    assert_eq!(
        claude["max_tokens"], 8192,
        "Claude's API demands one: the model's most"
    );
}

#[tokio::test]
async fn a_repeat_penalty_of_zero_is_left_out_as_no_server_takes_it() {
    let parameters = Parameters {
        repeat_penalty: Some(0.0),
        ..Parameters::default()
    };
    let ollama = body(EndpointKind::Ollama, "m", parameters.clone()).await;
    assert_eq!(ollama["options"], json!({}));
    let compatible = body(EndpointKind::OpenaiCompatible, "m", parameters).await;
    assert_eq!(compatible.get("repeat_penalty"), None);
}

/// genai reads an effort of reasoning from the end of a model's name, and a namespace from its
/// beginning, and cuts both off.
#[tokio::test]
async fn the_models_name_arrives_as_it_is() {
    let models = [
        "mistral-medium",
        "qwen-max",
        "phi-none",
        "ft:gpt-4o:org::id",
        "a/b:c",
    ];
    for model in models {
        for kind in [
            EndpointKind::Ollama,
            EndpointKind::OpenaiCompatible,
            EndpointKind::Openai,
        ] {
            let body = body(kind, model, Parameters::default()).await;
            assert_eq!(body["model"], model, "{kind:?}");
            assert_eq!(body.get("reasoning_effort"), None, "{kind:?} {model}");
        }
        let request = sent(EndpointKind::Gemini, model, Parameters::default()).await;
        let escaped = model.replace('/', "%2F");
        let path = format!("/v1beta/models/{escaped}:streamGenerateContent?alt=sse");
        assert_eq!(request.path, path);
        assert_eq!(request.json().get("generationConfig"), None, "{model}");
    }
    let body = body(
        EndpointKind::Anthropic,
        "claude::latest",
        Parameters::default(),
    )
    .await;
    assert_eq!(body["model"], "claude::latest");
}

#[tokio::test]
async fn blank_turns_are_left_out() {
    for kind in EndpointKind::ALL {
        let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let mut request = question("Hi");
        request.messages.push(Turn::assistant(" \n"));
        request.messages.push(Turn::user("there?"));
        parts(&connection(kind, &server.url), request, Limits::default()).await;
        let body = server.request().json();
        let list = if kind == EndpointKind::Gemini {
            "contents"
        } else {
            "messages"
        };
        assert_eq!(body[list].as_array().expect("turns").len(), 2, "{kind:?}");
    }
}

/// Continuing a reply sends its beginning as the last turn.
#[tokio::test]
async fn the_beginning_of_a_reply_is_sent_to_claude_without_white_space_at_its_end() {
    let kind = EndpointKind::Anthropic;
    let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
    let mut request = question("Hi");
    request.messages.push(Turn::assistant("Once upon \n"));
    parts(&connection(kind, &server.url), request, Limits::default()).await;
    assert_eq!(
        server.request().json()["messages"][1]["content"],
        "Once upon"
    );
}

#[tokio::test]
async fn the_key_travels_in_the_header_of_its_protocol_and_nowhere_else() {
    let bearer = format!("Bearer {SECRET}");
    for kind in EndpointKind::ALL {
        let request = sent(kind, "m", Parameters::default()).await;
        let (name, value) = match kind {
            EndpointKind::Anthropic => ("x-api-key", SECRET),
            EndpointKind::Gemini => ("x-goog-api-key", SECRET),
            _ => ("authorization", bearer.as_str()),
        };
        assert_eq!(request.header(name), Some(value), "{kind:?}");
        assert_eq!(request.headers.matches(SECRET).count(), 1, "{kind:?}");
        assert!(
            !request.path.contains(SECRET) && !request.body.contains(SECRET),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn without_a_key_no_header_for_one_is_sent() {
    for kind in [EndpointKind::Ollama, EndpointKind::OpenaiCompatible] {
        let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let mut keyless = connection(kind, &server.url);
        keyless.key = None;
        parts(&keyless, question("Hi"), Limits::default()).await;
        assert_eq!(server.request().header("authorization"), None, "{kind:?}");
    }
}
