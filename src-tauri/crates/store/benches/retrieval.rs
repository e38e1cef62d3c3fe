//! How often search finds what a question is about, by words, by meaning and by both.
//!
//! ```text
//! cargo bench -p chatkeep-store --bench retrieval -- SET.json WORKDIR MODELS
//! ```
//!
//! SET is what `scripts/workload/make_retrieval_set.py` writes, MODELS the folder that
//! `scripts/lib/fetch-models` fills. Prints one JSON object: for each way of searching the part of the
//! questions for which a session with the evidence is among the first five that are found.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use chatkeep_embed::{Embedder, Model};
use chatkeep_store::search::{SearchMode, SearchRequest, search, search_by_meaning};
use chatkeep_store::vectors::{self, Chunk};
use chatkeep_store::{
    Clock, NewMessage, NewSession, OpenOptions, Role, SessionId, Store, SystemClock, messages,
    sessions,
};
use serde::Deserialize;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Sessions that are looked at for the evidence.
const FIRST: usize = 5;
/// Messages in one transaction, as the app embeds them.
const BATCH: usize = 64;

#[derive(Deserialize)]
struct Set {
    sessions: Vec<Told>,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Told {
    id: usize,
    messages: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    text: String,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    evidence: Vec<usize>,
    kind: String,
}

fn main() -> Result<()> {
    // Cargo adds --bench to the arguments.
    let arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let arguments: Vec<String> = arguments.collect();
    let [set, folder, models] = arguments.as_slice() else {
        return Err("usage: retrieval SET.json WORKDIR MODELS".into());
    };
    let set: Set = serde_json::from_str(&fs::read_to_string(set)?)?;
    let data = Path::new(folder).join("retrieval");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let store = OpenOptions::new(&data).open()?;
    let model = Model::MiniLm;
    let embedder = model.load(&[models.into()])?;
    let numbers = write(&store, &set)?;
    embed(&store, embedder.as_ref(), model.name())?;
    let report = report(&store, embedder.as_ref(), &set, &numbers)?;
    writeln!(io::stdout(), "{report:#}")?;
    Ok(())
}

fn write(store: &Store, set: &Set) -> Result<HashMap<SessionId, usize>> {
    let mut numbers = HashMap::new();
    for told in &set.sessions {
        let written = store.write_redoable(|tx| {
            let session = sessions::insert(tx, &NewSession::named("Chat"))?;
            let turn = |it: &Turn| {
                let is_user = it.role == "user";
                let role = if is_user { Role::User } else { Role::Assistant };
                NewMessage::new(session.id, role, it.text.as_str())
            };
            let turns: Vec<_> = told.messages.iter().map(turn).collect();
            messages::append_all(tx, session.id, &turns)?;
            Ok(session.id)
        })?;
        numbers.insert(written.value, told.id);
    }
    Ok(numbers)
}

fn embed(store: &Store, embedder: &dyn Embedder, name: &str) -> Result<()> {
    let dimension = u32::try_from(embedder.dimension())?;
    let model = store.write(|tx| vectors::use_model(tx, name, dimension))?;
    loop {
        let queued = store.read(|tx| vectors::queued(tx, BATCH))?;
        if queued.is_empty() {
            return Ok(());
        }
        let texts: Vec<_> = queued.iter().map(|it| it.text.as_str()).collect();
        let made = embedder.embed_passages(&texts)?;
        store.write_redoable(|tx| {
            for (message, vector) in queued.iter().zip(made) {
                let chunk = Chunk { start: 0, vector };
                let bytes = message.text.len();
                vectors::put(tx, model.id, message.message_id, bytes, &[chunk])?;
            }
            Ok(())
        })?;
    }
}

fn report(
    store: &Store,
    embedder: &dyn Embedder,
    set: &Set,
    numbers: &HashMap<SessionId, usize>,
) -> Result<Value> {
    let mut right: HashMap<(&str, &str), usize> = HashMap::new();
    let mut asked: HashMap<&str, usize> = HashMap::new();
    for question in &set.questions {
        let vector = embedder.embed_query(&question.question)?;
        for kind in ["all", question.kind.as_str()] {
            *asked.entry(kind).or_default() += 1;
        }
        for mode in [SearchMode::Words, SearchMode::Meaning, SearchMode::Both] {
            let found = first(store, &question.question, mode, &vector)?;
            let is_found = found.iter().any(|id| {
                numbers
                    .get(id)
                    .is_some_and(|it| question.evidence.contains(it))
            });
            for kind in ["all", question.kind.as_str()] {
                *right.entry((mode.as_str(), kind)).or_default() += usize::from(is_found);
            }
        }
    }
    let mut recall = serde_json::Map::new();
    for ((mode, kind), right) in right {
        let part = right as f64 / asked.get(kind).copied().unwrap_or(1) as f64;
        recall.insert(
            format!("{mode}, {kind}"),
            json!((part * 1000.0).round() / 1000.0),
        );
    }
    Ok(json!({
        "sessions": set.sessions.len(),
        "questions": set.questions.len(),
        "recall_any_at_5": recall,
    }))
}

/// The sessions of what is found, each once, as far as the fifth.
fn first(store: &Store, text: &str, mode: SearchMode, vector: &[f32]) -> Result<Vec<SessionId>> {
    let request = SearchRequest {
        mode,
        limit: 50,
        ..SearchRequest::new(text)
    };
    let now = SystemClock.now();
    let results = store.read(|tx| match mode {
        SearchMode::Words => search(tx, &request, now),
        SearchMode::Meaning | SearchMode::Both => search_by_meaning(tx, &request, vector, now),
    })?;
    let mut sessions = Vec::new();
    for hit in results.messages {
        if !sessions.contains(&hit.session_id) && sessions.len() < FIRST {
            sessions.push(hit.session_id);
        }
    }
    Ok(sessions)
}
