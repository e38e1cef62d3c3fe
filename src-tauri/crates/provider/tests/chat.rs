//! Replies: whole ones, cancelled ones, and every way in which one can fail.

mod common;

use std::time::{Duration, SystemTime};

use chatkeep_provider::{
    Connection, EndpointKind, Limits, ProviderError, ReplyPart, StopReason, Turn, Usage,
    list_models, stream_chat,
};
use common::{
    Answer, SECRET, Server, connection, error, half_reply, impatient, nobody, parts, piece,
    question, text, whole_reply,
};

async fn asked(kind: EndpointKind, answer: Answer) -> Vec<Result<ReplyPart, ProviderError>> {
    let server = Server::answering(answer).await;
    parts(&connection(kind, &server.url), question("Hi"), impatient()).await
}

#[tokio::test]
async fn a_whole_reply_streams_in_with_its_tokens_and_without_its_reasoning() {
    for kind in EndpointKind::ALL {
        let parts = asked(kind, Answer::stream(&whole_reply(kind))).await;

        let usage = Usage {
            prompt_tokens: Some(11),
            completion_tokens: Some(7),
        };
        let expected = [
            Ok(ReplyPart::Delta("Hello, ".to_owned())),
            Ok(ReplyPart::Delta("world".to_owned())),
            Ok(ReplyPart::Done {
                usage: Some(usage),
                stop_reason: StopReason::Finished,
            }),
        ];
        assert_eq!(parts, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_reply_that_reached_its_longest_says_so() {
    let ends = [
        (
            EndpointKind::Ollama,
            r#""done_reason":"stop""#,
            r#""done_reason":"length""#,
        ),
        (
            EndpointKind::Openai,
            r#""finish_reason":"stop""#,
            r#""finish_reason":"length""#,
        ),
        (EndpointKind::Anthropic, "end_turn", "max_tokens"),
        (EndpointKind::Gemini, r#""STOP""#, r#""MAX_TOKENS""#),
    ];
    for (kind, whole, cut) in ends {
        let body = whole_reply(kind).replace(whole, cut);
        let parts = asked(kind, Answer::stream(&body)).await;
        let reason = match parts.last() {
            Some(Ok(ReplyPart::Done { stop_reason, .. })) => *stop_reason,
            other => panic!("{kind:?} ended in {other:?}"),
        };
        assert_eq!(reason, StopReason::Length, "{kind:?}");
    }
}

#[tokio::test]
async fn letters_that_are_split_between_packets_arrive_whole() {
    for kind in EndpointKind::ALL {
        let body = whole_reply(kind).replace("world", "wörld 🦀");
        // One byte a chunk: every place at which a packet can end.
        let mut raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for byte in body.bytes() {
            raw.extend_from_slice(b"1\r\n");
            raw.push(byte);
            raw.extend_from_slice(b"\r\n");
        }
        raw.extend_from_slice(b"0\r\n\r\n");
        assert_eq!(
            text(&asked(kind, Answer::raw(raw)).await),
            "Hello, wörld 🦀",
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn dropping_a_reply_closes_its_connection() {
    for kind in EndpointKind::ALL {
        let mut server = Server::answering(Answer::stream(&half_reply(kind)).then_hang()).await;
        let connection = connection(kind, &server.url);
        let mut reply = stream_chat(&connection, question("Hi"), Limits::default())
            .await
            .expect("a reply");
        let first = reply.next().await;
        assert_eq!(
            first,
            Some(Ok(ReplyPart::Delta("Hello, ".to_owned()))),
            "{kind:?}"
        );

        drop(reply);

        server.hung_up().await;
    }
}

#[tokio::test]
async fn a_cancel_before_the_first_byte_closes_the_connection() {
    for kind in EndpointKind::ALL {
        let mut server = Server::answering(Answer::raw("").then_hang()).await;
        let connection = connection(kind, &server.url);
        let mut reply = stream_chat(&connection, question("Hi"), Limits::default())
            .await
            .expect("a reply");
        let waited = tokio::time::timeout(Duration::from_millis(200), reply.next()).await;
        assert!(waited.is_err(), "{kind:?}: nothing came");

        drop(reply);

        server.hung_up().await;
        assert_eq!(server.requests().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn waiting_again_after_a_dropped_wait_asks_only_once_and_loses_nothing() {
    for kind in EndpointKind::ALL {
        let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let connection = connection(kind, &server.url);
        let mut reply = stream_chat(&connection, question("Hi"), Limits::default())
            .await
            .expect("a reply");
        let mut parts = Vec::new();
        loop {
            tokio::select! {
                biased;
                part = reply.next() => match part {
                    Some(part) => parts.push(part),
                    None => break,
                },
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(text(&parts), "Hello, world", "{kind:?}");
        assert_eq!(server.requests().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_part_is_asked_for() {
    for kind in EndpointKind::ALL {
        let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let connection = connection(kind, &server.url);
        let reply = stream_chat(&connection, question("Hi"), Limits::default()).await;
        // A whole exchange, to give the other request the time to arrive that it must not need.
        let _ = list_models(&connection).await;
        assert_eq!(server.request().method, "GET", "{kind:?}");
        drop(reply);
    }
}

#[tokio::test]
async fn a_reply_that_just_stops_is_an_error_and_its_text_stays() {
    for kind in EndpointKind::ALL {
        let parts = asked(kind, Answer::stream(&half_reply(kind))).await;
        assert_eq!(text(&parts), "Hello, ", "{kind:?}");
        assert!(
            matches!(error(&parts), ProviderError::Reply { .. }),
            "{kind:?}: {parts:?}"
        );
    }
}

#[tokio::test]
async fn a_reply_whose_connection_breaks_is_an_error() {
    for kind in EndpointKind::ALL {
        let half = half_reply(kind);
        // Announces a chunk of 4,095 bytes after the half and sends none of it.
        let raw = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{half}\r\nfff\r\n",
            half.len()
        );
        let parts = asked(kind, Answer::raw(raw)).await;
        assert_eq!(text(&parts), "Hello, ", "{kind:?}");
        assert!(
            matches!(error(&parts), ProviderError::Reply { .. }),
            "{kind:?}: {parts:?}"
        );
    }
}

#[tokio::test]
async fn an_empty_reply_is_an_error() {
    for kind in EndpointKind::ALL {
        let parts = asked(kind, Answer::stream("")).await;
        assert_eq!(parts, [Err(error(&parts))], "{kind:?}");
        assert!(
            matches!(error(&parts), ProviderError::Reply { .. }),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn malformed_json_in_the_middle_is_an_error() {
    for kind in EndpointKind::ALL {
        let body = half_reply(kind) + &piece(kind, r#"{"choices":[{"#) + &whole_reply(kind);
        let parts = asked(kind, Answer::stream(&body)).await;
        assert_eq!(text(&parts), "Hello, ", "{kind:?}");
        let expected = ProviderError::Reply {
            what: "a piece is not valid JSON".to_owned(),
        };
        assert_eq!(error(&parts), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_is_told_in_the_servers_words() {
    let reports = [
        (
            EndpointKind::Ollama,
            piece(EndpointKind::Ollama, r#"{"error":"out of memory"}"#),
        ),
        (
            EndpointKind::OpenaiCompatible,
            piece(
                EndpointKind::Openai,
                r#"{"error":{"message":"out of memory","code":500}}"#,
            ),
        ),
        (
            EndpointKind::Anthropic,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
             \"message\":\"out of memory\"}}\n\n"
                .to_owned(),
        ),
        (
            EndpointKind::Gemini,
            piece(
                EndpointKind::Gemini,
                r#"{"error":{"code":500,"message":"out of memory"}}"#,
            ),
        ),
    ];
    for (kind, report) in reports {
        let parts = asked(kind, Answer::stream(&(half_reply(kind) + &report))).await;
        assert_eq!(text(&parts), "Hello, ", "{kind:?}");
        let what = "the server broke it off: out of memory".to_owned();
        assert_eq!(error(&parts), ProviderError::Reply { what }, "{kind:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_ends_in_a_timeout() {
    for kind in EndpointKind::ALL {
        let mut server = Server::answering(Answer::raw("").then_hang()).await;
        let parts = parts(&connection(kind, &server.url), question("Hi"), impatient()).await;
        assert_eq!(
            parts,
            [Err(ProviderError::Timeout { waited_s: 1 })],
            "{kind:?}"
        );
        server.hung_up().await;
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_in_a_timeout() {
    for kind in EndpointKind::ALL {
        let mut server = Server::answering(Answer::stream(&half_reply(kind)).then_hang()).await;
        let parts = parts(&connection(kind, &server.url), question("Hi"), impatient()).await;
        assert_eq!(text(&parts), "Hello, ", "{kind:?}");
        assert_eq!(
            error(&parts),
            ProviderError::Timeout { waited_s: 1 },
            "{kind:?}"
        );
        server.hung_up().await;
    }
}

#[tokio::test]
async fn a_refused_key_is_a_key_error() {
    for kind in EndpointKind::ALL {
        for status in ["401 Unauthorized", "403 Forbidden"] {
            let body = format!(r#"{{"error":{{"message":"Incorrect API key: {SECRET}"}}}}"#);
            let parts = asked(kind, Answer::status(status, "", &body)).await;
            assert_eq!(
                error(&parts),
                ProviderError::Key { given: true },
                "{kind:?} {status}"
            );
        }
    }
}

#[tokio::test]
async fn geminis_answer_to_a_wrong_key_is_a_key_error() {
    let body = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.",
        "status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    let parts = asked(
        EndpointKind::Gemini,
        Answer::status("400 Bad Request", "", body),
    )
    .await;
    assert_eq!(error(&parts), ProviderError::Key { given: true });
}

#[tokio::test]
async fn a_missing_key_is_a_key_error_and_nothing_is_sent() {
    for kind in EndpointKind::ALL
        .into_iter()
        .filter(|kind| kind.needs_key())
    {
        let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let keyless = Connection {
            key: None,
            ..connection(kind, &server.url)
        };
        let parts = parts(&keyless, question("Hi"), impatient()).await;
        assert_eq!(
            parts,
            [Err(ProviderError::Key { given: false })],
            "{kind:?}"
        );
        assert!(server.requests().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn an_unknown_model_is_a_model_error() {
    for kind in EndpointKind::ALL {
        let body = r#"{"error":{"message":"model 'm' not found"}}"#;
        let parts = asked(kind, Answer::status("404 Not Found", "", body)).await;
        assert_eq!(
            error(&parts),
            ProviderError::Model {
                model: "m".to_owned()
            },
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn too_many_requests_say_how_long_to_wait() {
    for kind in EndpointKind::ALL {
        for (header, expected) in [("retry-after: 17\r\n", Some(17)), ("", None)] {
            let answer = Answer::status("429 Too Many Requests", header, r#"{"error":"slow"}"#);
            let expected = ProviderError::RateLimited {
                retry_after_s: expected,
            };
            assert_eq!(error(&asked(kind, answer).await), expected, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_wait_given_as_a_date_is_counted_from_now() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
    let header = format!("retry-after: {date}\r\n");
    for kind in EndpointKind::ALL {
        let answer = Answer::status("429 Too Many Requests", &header, "");
        match error(&asked(kind, answer).await) {
            ProviderError::RateLimited {
                retry_after_s: Some(55..=60),
            } => {}
            other => panic!("{kind:?}: {other:?}"),
        }
    }
    let past = Answer::status(
        "429 Too Many Requests",
        "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "",
    );
    let expected = ProviderError::RateLimited {
        retry_after_s: Some(0),
    };
    assert_eq!(error(&asked(EndpointKind::Openai, past).await), expected);
}

#[tokio::test]
async fn another_status_is_a_refusal_in_the_servers_words() {
    let long = "far too long ".repeat(60);
    let bodies = [
        (
            r#"{"error":{"message":"bad\nparameter"}}"#.to_owned(),
            "bad parameter".to_owned(),
        ),
        (
            r#"{"error":"bad parameter"}"#.to_owned(),
            "bad parameter".to_owned(),
        ),
        (
            r#"{"detail":[{"msg":"bad parameter","input":"Hi"}]}"#.into(),
            "bad parameter".into(),
        ),
        ("bad parameter".to_owned(), "bad parameter".to_owned()),
        (
            "<html><h1>nginx</h1></html>".to_owned(),
            "it did not say why".to_owned(),
        ),
        (String::new(), "it did not say why".to_owned()),
        (
            format!(r#"{{"message":"{long}"}}"#),
            long.chars().take(300).collect(),
        ),
    ];
    for kind in EndpointKind::ALL {
        for (body, message) in &bodies {
            let parts = asked(kind, Answer::status("500 Internal Server Error", "", body)).await;
            let expected = ProviderError::Refused {
                status: 500,
                message: message.clone(),
            };
            assert_eq!(error(&parts), expected, "{kind:?} {body}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_that_the_key_stays_here() {
    for kind in EndpointKind::ALL {
        let elsewhere = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let header = format!("location: {}/v1/chat\r\n", elsewhere.url);
        let parts = asked(kind, Answer::status("307 Temporary Redirect", &header, "")).await;
        assert!(
            matches!(error(&parts), ProviderError::Refused { status: 307, .. }),
            "{kind:?}"
        );
        assert!(elsewhere.requests().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_refused_request_is_not_sent_again() {
    for kind in EndpointKind::ALL {
        let server = Server::answering(Answer::status("503 Unavailable", "", "")).await;
        parts(&connection(kind, &server.url), question("Hi"), impatient()).await;
        assert_eq!(server.requests().len(), 1, "{kind:?}");
    }
}

/// A proxy would see the conversation, and would look for the server on its own machine.
#[test]
fn a_server_on_this_machine_is_not_asked_through_a_proxy() {
    let program = std::env::current_exe().expect("the test program");
    let output = std::process::Command::new(program)
        .args([
            "--exact",
            "a_whole_reply_streams_in_with_its_tokens_and_without_its_reasoning",
        ])
        .envs(["http_proxy", "HTTP_PROXY", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:9")))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .expect("the test runs");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let url = nobody().await;
    for kind in EndpointKind::ALL {
        let parts = parts(&connection(kind, &url), question("Hi"), impatient()).await;
        match error(&parts) {
            ProviderError::Unreachable { base_url, reason } => {
                assert_eq!(base_url, url);
                assert!(reason.contains("refused"), "{kind:?}: {reason}");
            }
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_unreachable() {
    for kind in EndpointKind::ALL {
        let parts = asked(kind, Answer::raw("220 mail.example.org ESMTP\r\n")).await;
        assert!(
            matches!(error(&parts), ProviderError::Unreachable { .. }),
            "{kind:?}: {parts:?}"
        );
    }
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_an_error() {
    for kind in EndpointKind::ALL {
        let page = Answer::status("200 OK", "content-type: text/html\r\n", "<p>Welcome</p>");
        let parts = asked(kind, page).await;
        assert!(
            matches!(error(&parts), ProviderError::Reply { .. }),
            "{kind:?}: {parts:?}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_not_text_are_an_error() {
    for kind in EndpointKind::ALL {
        let mut raw = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: ".to_vec();
        raw.extend_from_slice(b"\xff\xfe\n\n");
        let parts = asked(kind, Answer::raw(raw)).await;
        assert!(
            matches!(error(&parts), ProviderError::Reply { .. }),
            "{kind:?}: {parts:?}"
        );
    }
}

#[tokio::test]
async fn a_long_conversation_arrives_whole() {
    for kind in EndpointKind::ALL {
        let server = Server::answering(Answer::stream(&whole_reply(kind))).await;
        let mut request = question("first\u{0}\u{1F980} \"quoted\"");
        request
            .messages
            .push(Turn::assistant("x".repeat(1024 * 1024)));
        request.messages.push(Turn::user("last"));
        let limits = Limits::default();
        let parts = parts(&connection(kind, &server.url), request, limits).await;
        assert_eq!(text(&parts), "Hello, world", "{kind:?}");
        let sent = server.request();
        let body = sent.json().to_string();
        assert!(body.contains(&"x".repeat(1024 * 1024)), "{kind:?}");
        assert!(
            body.contains("first\\u0000\u{1F980} \\\"quoted\\\""),
            "{kind:?}"
        );
    }
}
