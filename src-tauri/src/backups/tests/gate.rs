//! `restore-db` while the app runs: the library's own way, through the gate of an open store.

use std::future::pending;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use chatkeep_backup::{Control, CreateOptions, Error, Mode, RestoreOptions, create, prepare};
use chatkeep_provider::{ChatRequest, Connection, EndpointKind, Parameters, Turn};
use chatkeep_store::{Message, MessageStatus};
use tauri::ipc::InvokeResponseBody;

use super::*;
use crate::replies::{Call, ReplyEvent};

const PATIENCE: Duration = Duration::from_secs(60);

fn back_up(app: &App) -> Backup {
    let options = CreateOptions::new(Reason::Manual, now());
    create(&app.place(), &options, &Control::default()).unwrap()
}

/// As the tool does it, from a thread of its own.
fn restore_from_outside(app: &App, backup: Backup) -> Result<(), Error> {
    let place = app.place();
    let restored = std::thread::spawn(move || {
        let options = RestoreOptions {
            key: None,
            allow_foreign: false,
            safety_backup: true,
            mode: Mode::Auto,
            now: now(),
        };
        let control = Control::default();
        prepare(&place, &backup, options, &control)?
            .apply(&control)
            .map(drop)
    });
    restored.join().unwrap()
}

/// A server that begins a reply and never ends it.
fn endless_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut socket in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request);
            begin_reply(&mut socket);
            open.push(socket);
        }
    });
    format!("http://{address}")
}

fn begin_reply(socket: &mut TcpStream) {
    let line =
        "{\"message\":{\"role\":\"assistant\",\"content\":\"Two minutes\"},\"done\":false}\n";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let _ = write!(socket, "{head}{:x}\r\n{line}\r\n", line.len());
    let _ = socket.flush();
}

fn endless_call() -> Call {
    Call {
        connection: Connection {
            kind: EndpointKind::Ollama,
            base_url: endless_server(),
            key: None,
        },
        request: ChatRequest {
            model: "llama".into(),
            system: None,
            messages: vec![Turn::user("How long?")],
            parameters: Parameters::default(),
        },
        counted_tokens: 3,
    }
}

fn empty_reply(app: &App, session: SessionId) -> Message {
    let reply = NewMessage {
        model_id: Some("ollama/llama".into()),
        status: MessageStatus::Streaming,
        ..NewMessage::assistant(session, "")
    };
    wait(app.state.write(move |tx| messages::append(tx, &reply))).unwrap()
}

fn listening() -> (tauri::ipc::Channel<ReplyEvent>, mpsc::Receiver<String>) {
    let (sender, events) = mpsc::channel();
    let channel = tauri::ipc::Channel::new(move |body| {
        if let InvokeResponseBody::Json(json) = body {
            let _ = sender.send(json);
        }
        Ok(())
    });
    (channel, events)
}

#[test]
fn the_app_stands_still_ends_its_reply_and_shows_what_was_restored() {
    let app = App::new();
    app.add("Tea", 20);
    let backup = back_up(&app);
    let coffee = app.add("Coffee", 2);
    let reply = empty_reply(&app, coffee);
    let (channel, events) = listening();
    let call = async { Ok(endless_call()) };
    app.state
        .replies
        .start(app.state.store(), reply.clone(), call, channel, |_| {});
    let first = events.recv_timeout(PATIENCE).unwrap();
    assert!(first.contains("Two minutes"), "{first}");

    restore_from_outside(&app, backup).unwrap();

    let last = events.recv_timeout(PATIENCE).unwrap();
    assert!(
        last.contains("finished") && last.contains("interrupted"),
        "{last}"
    );
    assert!(!app.state.replies.is_running(reply.id));
    assert_eq!(app.names(), ["Tea"]);
    assert!(app.has_heard(&News::Reload));
    // It goes on writing, in what is there now; a message may have the reply's number.
    app.add("Water", 1);
    assert_eq!(app.names(), ["Tea", "Water"]);
    // What was there, with the reply as far as it had come, is in the backup before the restore.
    let newest = app.backups().remove(0);
    let manifest = newest.manifest().unwrap();
    assert_eq!(manifest.reason, Reason::PreRestore);
    assert_eq!(manifest.content["messages"].rows, 23);
}

#[test]
fn a_reply_that_does_not_end_keeps_the_database_as_it_is() {
    let app = App::new();
    let tea = app.add("Tea", 20);
    let backup = back_up(&app);
    app.add("Coffee", 2);
    let reply = empty_reply(&app, tea);
    let (channel, _events) = listening();
    app.state
        .replies
        .start(app.state.store(), reply, pending(), channel, |_| {});

    let error = restore_from_outside(&app, backup).unwrap_err();
    assert_eq!(error.exit_code(), 11);
    assert!(
        error.to_string().contains("a reply is still being written"),
        "{error}"
    );
    assert_eq!(app.names(), ["Coffee", "Tea"]);
    assert!(!app.has_heard(&News::Reload));
}

#[test]
fn no_reply_starts_while_the_app_stands_still() {
    let app = App::new();
    let tea = app.add("Tea", 1);
    let reply = empty_reply(&app, tea);
    let paused = wait(app.state.replies.pause());
    let (channel, events) = listening();
    app.state.replies.start(
        app.state.store(),
        reply.clone(),
        pending(),
        channel.clone(),
        |_| {},
    );
    let told = events.recv_timeout(PATIENCE).unwrap();
    assert!(told.contains("finished"), "{told}");
    assert!(!app.state.replies.is_running(reply.id));
    drop(paused);
    let call = async { Ok(endless_call()) };
    app.state
        .replies
        .start(app.state.store(), reply, call, channel, |_| {});
    assert!(events.recv_timeout(PATIENCE).unwrap().contains("delta"));
}
