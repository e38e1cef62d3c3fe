//! Neither keys nor the text of messages get into errors or logs.

#![allow(clippy::expect_used)] // Helpers of tests are not seen as tests.

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use chatkeep_provider::{EndpointKind, Limits, UNLOGGED_TARGETS, list_models};
use common::{
    Answer, SECRET, Server, connection, error, half_reply, parts, piece, question, whole_reply,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What the user writes; “Hello” is what the model writes.
const QUESTION: &str = "my diary entry of yesterday, which is nobody's business";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("log")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn layer<S>(log: &Log, filter: Targets) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let log = log.clone();
    tracing_subscriber::fmt::layer()
        .with_writer(move || log.clone())
        .with_filter(filter)
}

/// Answers on every path on which somebody could be tempted to print what he has in hand.
fn answers(kind: EndpointKind) -> Vec<Answer> {
    let echo = format!(r#"{{"error":{{"message":"bad key {SECRET} in: {QUESTION}"}}}}"#);
    let unknown = piece(kind, r#"{"type":"novelty","text":"Hello"}"#)
        .replace("content_block_delta", "novelty");
    vec![
        Answer::stream(&whole_reply(kind)),
        Answer::stream(&half_reply(kind)),
        Answer::stream(&(half_reply(kind) + &unknown + "data: {\"Hello")),
        Answer::stream(&(half_reply(kind) + &piece(kind, &echo))),
        Answer::status("400 Bad Request", "", &echo),
        Answer::status(
            "400 Bad Request",
            "",
            &format!("bad request: {QUESTION} {SECRET}"),
        ),
        Answer::status("401 Unauthorized", "", &echo),
        Answer::status("404 Not Found", "", &echo),
        Answer::status("500 Error", "content-type: application/json\r\n", &echo),
        Answer::raw(format!("{QUESTION} {SECRET}")),
    ]
}

#[tokio::test]
async fn keys_and_messages_stay_out_of_errors_and_logs() {
    let (quiet, chatty) = (Log::default(), Log::default());
    let everything = Targets::new().with_default(LevelFilter::TRACE);
    let as_documented = everything
        .clone()
        .with_targets(UNLOGGED_TARGETS.map(|target| (target, LevelFilter::OFF)));
    tracing_subscriber::registry()
        .with(layer(&quiet, as_documented))
        .with(layer(&chatty, everything))
        .init();

    for kind in EndpointKind::ALL {
        for answer in answers(kind) {
            let server = Server::answering(answer).await;
            let connection = connection(kind, &server.url);
            let parts = parts(&connection, question(QUESTION), Limits::default()).await;
            if parts.last().is_some_and(Result::is_err) {
                assert_discreet(&format!("{0} {0:?}", error(&parts)));
            }
            if let Err(error) = list_models(&connection).await {
                // A list is asked for without a text that could be known and hidden.
                assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
            }
            assert!(!format!("{connection:?}").contains(SECRET));
        }
    }

    let log = quiet.text();
    assert!(log.contains("hyper"), "the log was listening:\n{log}");
    assert_discreet(&log);
    assert!(
        chatty.text().contains("Hello"),
        "the targets need not be switched off any more"
    );
}

fn assert_discreet(text: &str) {
    for secret in [SECRET, QUESTION, "nobody's business", "Hello"] {
        assert!(!text.contains(secret), "{secret:?} is in: {text}");
    }
}
