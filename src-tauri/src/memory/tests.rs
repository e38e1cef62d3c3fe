//! What is done for the memory beside the replies, against a server that answers by script.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as claimed"
)]

#[path = "../../crates/provider/tests/common/mod.rs"]
mod server;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatkeep_store::{
    AutoPins, EndpointId, EndpointUpdate, GenerationStatus, Message, MessageStatus, NewEndpoint,
    NewMessage, NewSession, Parent, Pin, PinSource, Purpose, Session, SessionId, Settings, Summary,
    SummaryOrigin, endpoints, messages, models, pins, sessions, settings, summaries,
};
use serde_json::json;
use tauri::ipc::Channel;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use self::server::{Answer, Request, Server, nobody};
use super::stats::HintKind;
use super::{MemoryWork, regenerate, stats, summarize_now};
use crate::backups::environment::Environment;
use crate::error::{CommandError, ErrorKind};
use crate::events::News;
use crate::state::AppState;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SUMMARY: &str = "They spoke about tea.";

/// A model's whole answer as an OpenAI-compatible server streams it.
fn saying(text: &str) -> Answer {
    let delta = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 5 } });
    let events = [delta, end, usage].map(|it| format!("data: {it}\n\n"));
    Answer::stream(&format!("{}data: [DONE]\n\n", events.concat()))
}

fn hanging() -> Answer {
    Answer::raw("").then_hang()
}

fn asks_for(request: &Request, what: &str) -> bool {
    request.body.contains(what)
}

fn asks_for_summary(request: &Request) -> bool {
    asks_for(request, "You write the memory of a long chat")
}

/// The app without its window, and a session that talks to the server's model.
struct Desk {
    state: AppState,
    heard: Arc<Mutex<Vec<News>>>,
    folder: TempDir,
    model: String,
}

impl Desk {
    async fn at(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let tell = move |news| hearing.lock().unwrap().push(news);
        let state = AppState::open(folder.path().to_owned(), Environment::default(), tell);
        let base_url = format!("{url}/v1");
        let model = state.write(move |tx| {
            let new = NewEndpoint {
                kind: "openai_compatible".to_owned(),
                name: "Test".to_owned(),
                base_url,
            };
            let model = format!("{}/m", endpoints::insert(tx, &new)?.id);
            // Room for some of the messages of a long chat.
            models::set_context_window(tx, &model, Some(800))?;
            Ok(model)
        });
        let model = model.await.unwrap();
        Self {
            state,
            heard,
            folder,
            model,
        }
    }

    /// What the window was told of the work beside the replies.
    fn told(&self) -> Vec<Option<MemoryWork>> {
        let heard = self.heard.lock().unwrap();
        let work = heard.iter().filter_map(|news| match news {
            News::Memory(work) => Some(work.clone()),
            _ => None,
        });
        work.collect()
    }

    /// The session's model is at another address now.
    async fn move_to(&self, url: &str) {
        let (id, _) = self.model.split_once('/').unwrap();
        let (id, base_url) = (EndpointId::new(id), format!("{url}/v1"));
        let update = EndpointUpdate {
            name: "Test".to_owned(),
            base_url,
        };
        let moved = self
            .state
            .write(move |tx| endpoints::update(tx, &id, &update));
        moved.await.unwrap();
    }

    fn start(&self) {
        self.state
            .memory
            .start(self.state.backend(), self.state.replies.watch());
    }

    async fn set(&self, change: impl Fn(&mut Settings) + Send + 'static) {
        let changed = self.state.write(move |tx| {
            let mut all = settings::get(tx)?;
            change(&mut all);
            settings::update(tx, &all)
        });
        changed.await.unwrap();
    }

    async fn session(&self) -> Session {
        let model = Some(self.model.clone());
        let new = NewSession {
            model,
            ..NewSession::named("New")
        };
        self.state
            .write(move |tx| sessions::insert(tx, &new))
            .await
            .unwrap()
    }

    /// Says something and is answered; returns the reply.
    async fn exchange(&self, session_id: SessionId, text: &str) -> Message {
        let (text, model) = (text.to_owned(), self.model.clone());
        let said = self.state.write(move |tx| {
            messages::append(tx, &NewMessage::user(session_id, text))?;
            let reply = NewMessage {
                model_id: Some(model),
                ..NewMessage::assistant(
                    session_id,
                    format!("Indeed. {}", "tea is good ".repeat(10)),
                )
            };
            messages::append(tx, &reply)
        });
        said.await.unwrap()
    }

    /// A chat of forty messages, of which some have room; returns the last reply.
    async fn long_chat(&self) -> (SessionId, Message) {
        let session = self.session().await.id;
        for number in 0..19 {
            let text = format!("Number {number}: {}", "more about tea ".repeat(10));
            self.exchange(session, &text).await;
        }
        (session, self.exchange(session, "And finally?").await)
    }

    async fn summaries(&self, session: SessionId) -> Vec<Summary> {
        self.state
            .read(move |tx| summaries::list(tx, session))
            .await
            .unwrap()
    }

    async fn pins(&self, session: SessionId) -> Vec<Pin> {
        self.state
            .read(move |tx| pins::list(tx, session))
            .await
            .unwrap()
    }

    async fn get(&self, session: SessionId) -> Session {
        self.state
            .read(move |tx| sessions::get(tx, session))
            .await
            .unwrap()
    }

    /// Waits until a session's summaries are as wanted.
    async fn summarised(
        &self,
        session: SessionId,
        wanted: impl Fn(&[Summary]) -> bool,
    ) -> Vec<Summary> {
        until(async || {
            let all = self.summaries(session).await;
            wanted(&all).then_some(all)
        })
        .await
    }

    /// The worker does one thing after the other: once a later reply has named its session, all that
    /// was to be done before is done.
    async fn done(&self) {
        let session = self.session().await.id;
        let reply = self.exchange(session, "Done?").await;
        self.set(|it| it.recaps = true).await;
        self.state.memory.reply_ended(reply);
        until(async || self.get(session).await.recap).await;
    }
}

async fn until<T>(found: impl AsyncFn() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = found().await {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .expect("it was not so in time")
}

/// One summary after the other, from the first message on.
fn assert_contiguous(all: &[Summary]) {
    let mut ranges: Vec<_> = all
        .iter()
        .map(|it| (it.start_message_id, it.end_message_id))
        .collect();
    ranges.sort();
    assert_eq!(ranges[0].0.get(), 1);
    for pair in ranges.windows(2) {
        assert_eq!(pair[1].0.get(), pair[0].1.get() + 1, "{ranges:?}");
    }
}

#[tokio::test]
async fn a_long_chat_is_summarised_by_its_model_after_a_reply_and_noted_in_the_ledger() {
    let server = Server::answering(saying(SUMMARY)).await;
    let desk = Desk::at(&server.url).await;
    let (session, reply) = desk.long_chat().await;
    let before = stats(&desk.state.backend(), session).await.unwrap();
    assert!(before.uncovered_messages >= 8);
    assert!(before.hints.iter().any(|it| it.kind == HintKind::Uncovered));
    desk.start();
    desk.state.memory.reply_ended(reply.clone());
    let all = desk.summarised(session, |all| !all.is_empty()).await;
    desk.done().await;
    let all = desk.summaries(session).await.len().max(all.len());
    let all = desk.summarised(session, |found| found.len() == all).await;
    assert_contiguous(&all);
    for summary in &all {
        assert_eq!(summary.summary, SUMMARY);
        assert_eq!(summary.origin, SummaryOrigin::Model);
        assert_eq!(summary.model_id.as_ref(), Some(&desk.model));
        assert!(
            summary.end_message_id < reply.parent_id.unwrap(),
            "the newest stay out"
        );
    }
    let after = stats(&desk.state.backend(), session).await.unwrap();
    assert_eq!(after.hints, []);
    assert!(after.uncovered_messages < 8);
    let asked = server
        .requests()
        .into_iter()
        .find(asks_for_summary)
        .unwrap();
    assert!(asks_for(&asked, "Number 0: more about tea"));
    // The reply's own calls are not told among them.
    let calls = desk
        .state
        .read(move |tx| chatkeep_store::generations::list(tx, reply.id));
    assert_eq!(calls.await.unwrap(), []);
}

#[tokio::test]
async fn what_a_model_writes_unasked_is_told_while_it_writes() {
    let server = Server::answering(saying(SUMMARY)).await;
    let desk = Desk::at(&server.url).await;
    let (asked, _) = desk.long_chat().await;
    summarize_now(&desk.state.backend(), asked).await.unwrap();
    assert_eq!(desk.told(), [], "the window has asked for that itself");
    let (session, reply) = desk.long_chat().await;
    desk.start();
    desk.state.memory.reply_ended(reply);
    let all = desk.summarised(session, |all| !all.is_empty()).await;
    let told = desk.told();
    let begun =
        |it: &Option<MemoryWork>| it.as_ref().is_some_and(|it| it.purpose == Purpose::Summary);
    let at = told.iter().position(begun).unwrap();
    let work = told[at].clone().unwrap();
    assert_eq!(
        (work.session_id, work.messages),
        (session, all[0].message_count)
    );
    assert_eq!(
        told[at + 1],
        None,
        "it has ended before the summary is there"
    );
}

#[tokio::test]
async fn below_the_threshold_or_switched_off_nothing_is_asked() {
    let server = Server::answering(saying(SUMMARY)).await;
    let desk = Desk::at(&server.url).await;
    desk.set(|it| it.recaps = false).await;
    desk.start();
    let short = desk.session().await.id;
    let reply = desk.exchange(short, "Hello there").await;
    desk.state.memory.reply_ended(reply);
    desk.set(|it| it.summarize = false).await;
    let (long, reply) = desk.long_chat().await;
    desk.state.memory.reply_ended(reply);
    desk.done().await;
    assert_eq!(desk.summaries(short).await, []);
    assert_eq!(desk.summaries(long).await, []);
    assert!(!server.requests().iter().any(asks_for_summary));
}

#[tokio::test]
async fn without_a_model_a_summary_is_made_of_pieces_and_replaced_once_one_answers() {
    let server = Server::answering(saying(SUMMARY)).await;
    let desk = Desk::at(&nobody().await).await;
    let (session, reply) = desk.long_chat().await;
    desk.start();
    desk.state.memory.reply_ended(reply.clone());
    let all = desk.summarised(session, |all| !all.is_empty()).await;
    assert_eq!(all[0].origin, SummaryOrigin::Extractive);
    assert!(
        all[0].summary.starts_with("User: Number 0"),
        "{}",
        all[0].summary
    );
    let told = stats(&desk.state.backend(), session).await.unwrap();
    assert!(
        told.hints
            .iter()
            .any(|it| it.kind == HintKind::ExtractiveLeft)
    );
    let error = regenerate(&desk.state.backend(), all[0].id)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ProviderUnreachable);
    assert_eq!(desk.summaries(session).await[0].summary, all[0].summary);

    desk.move_to(&server.url).await;
    desk.state.memory.reply_ended(reply);
    let is_written = |it: &Summary| it.origin == SummaryOrigin::Model && it.summary == SUMMARY;
    let all = desk
        .summarised(session, |all| all.iter().all(is_written))
        .await;
    assert_contiguous(&all);
}

#[tokio::test]
async fn what_waits_for_a_model_is_written_at_the_next_start_and_what_the_user_changed_is_not() {
    let server = Server::answering(saying(SUMMARY)).await;
    let desk = Desk::at(&server.url).await;
    let (session, _) = desk.long_chat().await;
    let made = desk.state.write(move |tx| {
        let (start, end) = summaries::backlog(tx, session, None, 300)?.next.unwrap();
        let read = summaries::messages_between(tx, start, end)?;
        let made = summaries::insert_for(tx, &read, &chatkeep_store::Wording::of_pieces(&read))?;
        Ok(made.unwrap())
    });
    let made = made.await.unwrap();
    desk.start();
    let all = desk
        .summarised(session, |all| all[0].origin == SummaryOrigin::Model)
        .await;
    assert_eq!((all[0].id, all[0].summary.as_str()), (made.id, SUMMARY));
}

#[tokio::test]
async fn an_answer_that_is_no_summary_is_not_taken_for_one() {
    let endless = "tea ".repeat(40_000);
    for answer in [
        "",
        "   \n",
        "<think>hm</think>",
        "```\n```",
        "…!?",
        endless.as_str(),
    ] {
        let server = Server::answering(saying(answer)).await;
        let desk = Desk::at(&server.url).await;
        let (session, _) = desk.long_chat().await;
        let made = summarize_now(&desk.state.backend(), session)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(made.origin, SummaryOrigin::Extractive);
        let error = regenerate(&desk.state.backend(), made.id)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::ProviderReply);
    }
    let server =
        Server::answering(saying("<think>hm</think>\n```text\nSummary: On tea.\n```")).await;
    let desk = Desk::at(&server.url).await;
    let (session, _) = desk.long_chat().await;
    let made = summarize_now(&desk.state.backend(), session)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (made.summary.as_str(), made.origin),
        ("On tea.", SummaryOrigin::Model)
    );
}

#[tokio::test]
async fn if_the_branch_is_edited_meanwhile_nothing_is_stored() {
    let begun = Arc::new(Notify::new());
    let edited = Arc::new(AtomicBool::new(false));
    let (tell, look) = (Arc::clone(&begun), Arc::clone(&edited));
    let server = Server::start(move |_| {
        tell.notify_one();
        while !look.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        saying(SUMMARY)
    });
    // Its answers wait on a thread of their own.
    let (url, ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let server = server.await;
            url.send(server.url.clone()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let desk = Desk::at(&ready.recv().unwrap()).await;
    let (session, _) = desk.long_chat().await;
    let backend = desk.state.backend();
    let asked = tokio::spawn(async move { summarize_now(&backend, session).await });
    timeout(PATIENCE, begun.notified()).await.unwrap();
    let edit = NewMessage {
        parent: Parent::After(None),
        ..NewMessage::user(session, "Something else")
    };
    desk.state
        .write(move |tx| messages::append(tx, &edit))
        .await
        .unwrap();
    edited.store(true, Ordering::SeqCst);
    assert_eq!(asked.await.unwrap().unwrap(), None);
    assert_eq!(desk.summaries(session).await, []);
}

#[tokio::test]
async fn when_the_app_ends_meanwhile_nothing_is_stored_and_the_next_run_goes_on() {
    let mut server = Server::answering(hanging()).await;
    let desk = Desk::at(&server.url).await;
    desk.set(|it| it.recaps = false).await;
    let (session, reply) = desk.long_chat().await;
    desk.start();
    desk.state.memory.reply_ended(reply.clone());
    until(async || (!server.requests().is_empty()).then_some(())).await;
    timeout(PATIENCE, desk.state.close()).await.unwrap();
    server.hung_up().await;

    let Desk {
        heard,
        folder,
        model,
        ..
    } = desk;
    let state = AppState::open(folder.path().to_owned(), Environment::default(), |_| {});
    let desk = Desk {
        state,
        heard,
        folder,
        model,
    };
    assert_eq!(desk.summaries(session).await, []);
    let server = Server::answering(saying(SUMMARY)).await;
    desk.move_to(&server.url).await;
    desk.start();
    desk.state.memory.reply_ended(reply);
    let all = desk.summarised(session, |all| !all.is_empty()).await;
    assert_contiguous(&all);
}

#[tokio::test]
async fn a_call_gives_way_to_a_reply_and_is_made_again_after_it() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => hanging(),
        _ => saying(SUMMARY),
    })
    .await;
    let desk = Desk::at(&server.url).await;
    desk.set(|it| it.recaps = false).await;
    let (session, reply) = desk.long_chat().await;
    desk.start();
    desk.state.memory.reply_ended(reply);
    until(async || (asked.load(Ordering::SeqCst) == 1).then_some(())).await;

    let other = desk.session().await.id;
    let model = Some(desk.model.clone());
    let streaming = NewMessage {
        status: MessageStatus::Streaming,
        model_id: model,
        ..NewMessage::assistant(other, "")
    };
    let streaming = desk
        .state
        .write(move |tx| messages::append(tx, &streaming))
        .await
        .unwrap();
    let end = Arc::new(Notify::new());
    let until_told = Arc::clone(&end);
    let call = async move {
        until_told.notified().await;
        Err(CommandError::invalid("test", "is over", "Go on."))
    };
    let events = Channel::new(|_| Ok(()));
    desk.state
        .replies
        .start(desk.state.store(), streaming, call, events, drop);
    server.hung_up().await;
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "nothing is asked beside a reply"
    );
    assert_eq!(desk.summaries(session).await, []);
    end.notify_one();
    let all = desk.summarised(session, |all| !all.is_empty()).await;
    assert_eq!(all[0].origin, SummaryOrigin::Model);
}

#[tokio::test]
async fn a_new_session_is_named_after_its_first_exchange_unless_the_user_named_it() {
    let server = Server::answering(saying("\"Steeping green tea.\"\n")).await;
    let desk = Desk::at(&server.url).await;
    desk.start();
    let (new, named) = (desk.session().await.id, desk.session().await.id);
    let mine = desk
        .state
        .write(move |tx| sessions::rename(tx, named, "Mine"));
    mine.await.unwrap();
    for session in [new, named] {
        let reply = desk
            .exchange(session, "How long does green tea steep?")
            .await;
        desk.state.memory.reply_ended(reply);
        let recap = until(async || desk.get(session).await.recap).await;
        assert_eq!(recap, "Steeping green tea");
    }
    assert_eq!(desk.get(new).await.name, "Steeping green tea");
    assert_eq!(desk.get(named).await.name, "Mine");
    let request = &server.requests()[0];
    assert!(asks_for(request, "How long does green tea steep?"));
    // The recap that is there stays.
    let reply = desk.exchange(new, "And black tea?").await;
    desk.state.memory.reply_ended(reply);
    desk.done().await;
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn where_the_model_gives_no_name_the_first_line_is_one() {
    let long = "a line\nand another line";
    for answer in ["", long, "x ".repeat(80).as_str()] {
        let server = Server::answering(saying(answer)).await;
        let desk = Desk::at(&server.url).await;
        desk.start();
        let session = desk.session().await.id;
        let said = format!("\n## Tea for {}\nHow long?", "many ".repeat(20));
        let reply = desk.exchange(session, &said).await;
        desk.state.memory.reply_ended(reply);
        let recap = until(async || desk.get(session).await.recap).await;
        assert!(
            recap.starts_with("Tea for many many") && recap.ends_with("many…"),
            "{recap}"
        );
        assert!(recap.chars().count() <= 60);
    }
}

#[tokio::test]
async fn facts_are_found_by_rules_also_where_the_reply_failed_and_by_the_model_if_wanted() {
    let answer = json!({ "facts": [
        { "kind": "fact", "text": "The user lives in Lisbon.", "quote": "from  lisbon" },
        { "kind": "fact", "text": "The user is rich.", "quote": "I am rich" },
        { "kind": "hobby", "text": "Reads.", "quote": "I write" },
        { "kind": "preference", "text": "", "quote": "I write" },
        "nonsense",
    ] });
    let server = Server::answering(saying(&format!("Here you are:\n{answer}\nEnjoy!"))).await;
    let desk = Desk::at(&server.url).await;
    desk.set(|it| it.recaps = false).await;
    desk.start();
    let session = desk.session().await.id;
    let reply = desk
        .exchange(session, "My name is Ada. I write you from Lisbon, my home.")
        .await;
    let failed = Message {
        status: MessageStatus::Failed,
        ..reply.clone()
    };
    desk.state.memory.reply_ended(failed);
    let found = until(async || Some(desk.pins(session).await).filter(|it| !it.is_empty())).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].content.as_str(), found[0].source),
        ("My name is Ada.", PinSource::Rule)
    );
    assert_eq!(found[0].source_message_id, reply.parent_id);
    assert_eq!(server.requests().len(), 0);

    desk.set(|it| it.auto_pins = AutoPins::Model).await;
    desk.state.memory.reply_ended(reply.clone());
    let found = until(async || Some(desk.pins(session).await).filter(|it| it.len() == 2)).await;
    let by_model = found
        .iter()
        .find(|it| it.source == PinSource::Model)
        .unwrap();
    assert_eq!(by_model.content, "The user lives in Lisbon.");

    desk.set(|it| it.auto_pins = AutoPins::Off).await;
    let reply = desk.exchange(session, "I live in Porto.").await;
    desk.state.memory.reply_ended(reply);
    desk.done().await;
    assert_eq!(desk.pins(session).await.len(), 2);
}

#[tokio::test]
async fn what_a_call_cost_is_in_the_ledger_however_it_ended() {
    let server = Server::answering(saying(SUMMARY)).await;
    let desk = Desk::at(&server.url).await;
    let (session, _) = desk.long_chat().await;
    summarize_now(&desk.state.backend(), session).await.unwrap();
    let raw = rusqlite_rows(&desk);
    assert_eq!(
        raw,
        [format!(
            "summary {} 9 5",
            GenerationStatus::Complete.as_str()
        )]
    );
}

/// The ledger as any SQLite tool reads it.
fn rusqlite_rows(desk: &Desk) -> Vec<String> {
    let file = desk.folder.path().join(chatkeep_store::DATABASE_FILE);
    let script = "import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute('SELECT purpose, status, prompt_tokens, completion_tokens FROM generations'):
    print(*row)";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(file)
        .output();
    let output = output.unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}
