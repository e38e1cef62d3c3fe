//! A small HTTP server on this machine that answers by script and remembers what it was asked.

// Every test file uses another part of it, and all of it is test.
#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatkeep_provider::{
    ApiKey, ChatRequest, Connection, EndpointKind, Limits, Parameters, ProviderError, ReplyPart,
    Turn, stream_chat,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// The key that tests send; it must turn up nowhere but in a header.
pub const SECRET: &str = "sk-chatkeep-0123456789-secret";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: String,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the request's body is JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What the server does after it has read a request.
#[derive(Debug, Clone)]
pub struct Answer {
    bytes: Vec<u8>,
    hangs: bool,
}

impl Answer {
    /// Exactly these bytes, then the connection is closed.
    pub fn raw(text: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: text.into(),
            hangs: false,
        }
    }

    /// A whole response with a status, further header lines and a body.
    pub fn status(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::raw(format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    /// A JSON document.
    pub fn json(body: &str) -> Self {
        Self::status("200 OK", "content-type: application/json\r\n", body)
    }

    /// The beginning of a stream; the body ends where the connection does.
    pub fn stream(body: &str) -> Self {
        Self::raw(format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n{body}"
        ))
    }

    /// As before, but afterwards the server neither says more nor hangs up.
    pub fn then_hang(mut self) -> Self {
        self.hangs = true;
        self
    }
}

/// A running server; it stops when the test ends.
pub struct Server {
    pub url: String,
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    hang_ups: mpsc::UnboundedReceiver<()>,
}

impl Server {
    /// Starts a server that gives every request the same answer.
    pub async fn answering(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    /// Starts a server that answers by request.
    pub async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (hung_up, hang_ups) = mpsc::unbounded_channel();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                let hung_up = hung_up.clone();
                tokio::spawn(async move {
                    converse(socket, answer.as_ref(), &seen, &hung_up).await;
                });
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            requests,
            hang_ups,
        }
    }

    /// Everything that was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("requests").clone()
    }

    /// The only request.
    pub fn request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "exactly one request was sent");
        requests[0].clone()
    }

    /// Waits until the other side of a hanging answer closes its connection.
    pub async fn hung_up(&mut self) {
        tokio::time::timeout(Duration::from_secs(5), self.hang_ups.recv())
            .await
            .expect("the connection was closed within 5 seconds");
    }
}

async fn converse(
    mut socket: TcpStream,
    answer: &(impl Fn(&Request) -> Answer + ?Sized),
    seen: &Mutex<Vec<Request>>,
    hung_up: &mpsc::UnboundedSender<()>,
) {
    let Some(request) = read_request(&mut socket).await else {
        return;
    };
    let answer = answer(&request);
    seen.lock().expect("requests").push(request);
    let sent = socket.write_all(&answer.bytes).await;
    if answer.hangs && sent.is_ok() {
        // Reads nothing until the client goes away: an end or an error, both are that.
        let mut rest = [0; 64];
        while matches!(socket.read(&mut rest).await, Ok(1..)) {}
        let _ = hung_up.send(());
    }
    let _ = socket.shutdown().await;
}

async fn read_request(socket: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = socket
            .read(&mut chunk)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let (line, headers) = head.split_once("\r\n")?;
        let mut words = line.split(' ');
        let request = Request {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        };
        let length = request
            .header("content-length")
            .map_or(0, |text| text.parse().unwrap_or(0));
        if request.body.len() >= length {
            return Some(request);
        }
    }
}

/// An address at which nobody listens: a port that was free a moment ago.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// A connection to `base_url` with the key.
pub fn connection(kind: EndpointKind, base_url: &str) -> Connection {
    let key = Some(ApiKey::parse(SECRET).expect("a key"));
    Connection {
        kind,
        base_url: base_url.to_owned(),
        key,
    }
}

/// A question to the model `m`, without parameters.
pub fn question(text: &str) -> ChatRequest {
    ChatRequest {
        model: "m".to_owned(),
        system: None,
        messages: vec![Turn::user(text)],
        parameters: Parameters::default(),
    }
}

/// Limits short enough for a test of silence.
pub fn impatient() -> Limits {
    Limits {
        idle: Duration::from_millis(300),
    }
}

/// Every part of a reply, up to its end or its error.
pub async fn parts(
    connection: &Connection,
    request: ChatRequest,
    limits: Limits,
) -> Vec<Result<ReplyPart, ProviderError>> {
    let mut reply = match stream_chat(connection, request, limits).await {
        Ok(reply) => reply,
        Err(error) => return vec![Err(error)],
    };
    let mut parts = Vec::new();
    while let Some(part) = reply.next().await {
        parts.push(part);
    }
    parts
}

/// The text of a reply.
pub fn text(parts: &[Result<ReplyPart, ProviderError>]) -> String {
    let deltas = parts.iter().filter_map(|part| match part {
        Ok(ReplyPart::Delta(text)) => Some(text.as_str()),
        _ => None,
    });
    deltas.collect()
}

/// The error in which a reply ended.
pub fn error(parts: &[Result<ReplyPart, ProviderError>]) -> ProviderError {
    match parts.last() {
        Some(Err(error)) => error.clone(),
        other => panic!("the reply ended in {other:?}, not in an error"),
    }
}

/// A reply of `kind` in the provider's own words: reasoning “hmm”, the text “Hello, world”, 11
/// tokens read and 7 written, its proper end.
pub fn whole_reply(kind: EndpointKind) -> String {
    match kind {
        EndpointKind::Ollama => [
            r#"{"model":"m","message":{"role":"assistant","content":"","thinking":"hmm"},"done":false}"#,
            r#"{"model":"m","message":{"role":"assistant","content":"Hello, "},"done":false}"#,
            r#"{"model":"m","message":{"role":"assistant","content":"world"},"done":false}"#,
            r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":7}"#,
            "",
        ]
        .join("\n"),
        EndpointKind::OpenaiCompatible | EndpointKind::Openai => events(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hmm"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hello, "},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"world"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#,
            "[DONE]",
        ]),
        EndpointKind::Anthropic => [
            r#"{"type":"message_start","message":{"id":"1","role":"assistant","content":[],"usage":{"input_tokens":11,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hmm"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello, "}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"world"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
            r#"{"type":"message_stop"}"#,
        ]
        .map(named_event)
        .concat(),
        EndpointKind::Gemini => events(&[
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hmm","thought":true}]}}]}"#,
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello, "}]}}]}"#,
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"world"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":11,"candidatesTokenCount":7,"totalTokenCount":18}}"#,
        ]),
    }
}

/// The reply of [`whole_reply`] up to and with “Hello, ”.
pub fn half_reply(kind: EndpointKind) -> String {
    let whole = whole_reply(kind);
    let half = whole.find("Hello, ").expect("the text");
    let separator = if kind == EndpointKind::Ollama {
        "\n"
    } else {
        "\n\n"
    };
    let end = whole[half..].find(separator).expect("the end of the event");
    whole[..half + end + separator.len()].to_owned()
}

/// One piece of a reply of `kind` that holds `data`, whatever that is.
pub fn piece(kind: EndpointKind, data: &str) -> String {
    match kind {
        EndpointKind::Ollama => format!("{data}\n"),
        EndpointKind::Anthropic => format!("event: content_block_delta\ndata: {data}\n\n"),
        _ => format!("data: {data}\n\n"),
    }
}

fn events(data: &[&str]) -> String {
    data.iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

fn named_event(data: &str) -> String {
    let parsed: Value = serde_json::from_str(data).expect("JSON");
    format!(
        "event: {}\ndata: {data}\n\n",
        parsed["type"].as_str().expect("a type")
    )
}
