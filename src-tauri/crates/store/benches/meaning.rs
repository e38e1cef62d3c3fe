//! Search by meaning, measured: time, recall, and room on disk and in memory.
//!
//! ```text
//! cargo bench -p chatkeep-store --bench meaning -- COUNT WORKDIR
//! ```
//!
//! Prints one JSON object, and leaves the vectors and the queries in WORKDIR as raw f32, for the other
//! programs of `scripts/bench --meaning`. The vectors are made, not embedded, so that a million are
//! there in a minute: each is the sum of a mean that all share (a third of its length, as embeddings
//! have one), one of COUNT / 200 topics, and numbers of its own, with a spectrum that falls off, since
//! what embeddings tell apart lies in few directions. Queries are made the same way and not stored.

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use chatkeep_store::vectors::{self, Chunk, Filter, NearestOptions};
use chatkeep_store::{
    DATABASE_FILE, NewMessage, NewSession, OpenOptions, PersonaId, SessionId, Store, messages,
    sessions,
};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DIMENSION: usize = 384;
const VECTORS_A_TOPIC: usize = 200;
const MESSAGES_A_SESSION: usize = 20;
const QUERIES: usize = 200;
const FOUND: usize = 10;
/// Messages in one transaction, as the app embeds them.
const BATCH: usize = 64;

fn main() -> Result<()> {
    // Cargo adds --bench to the arguments.
    let arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let arguments: Vec<String> = arguments.collect();
    let [count, folder] = arguments.as_slice() else {
        return Err("usage: meaning COUNT WORKDIR".into());
    };
    let count: usize = count.parse()?;
    let folder = Path::new(folder);
    let data = folder.join("store");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let store = OpenOptions::new(&data).open()?;
    let report = run(&store, count, folder, &data.join(DATABASE_FILE))?;
    writeln!(io::stdout(), "{report:#}")?;
    Ok(())
}

fn run(store: &Store, count: usize, folder: &Path, file: &Path) -> Result<Value> {
    let sessions = write_messages(store, count)?;
    store.truncate_log()?;
    let before = fs::metadata(file)?.len();
    let mut made = Made::new(count);
    let (all, embedding_s) = write_vectors(store, &mut made, folder)?;
    store.truncate_log()?;
    let bytes = fs::metadata(file)?.len() - before;
    let queries = made.queries(folder)?;
    let exact = exact(&all, &queries);
    drop(all);

    let start = Instant::now();
    store.read(vectors::warm)?;
    let load_s = start.elapsed().as_secs_f64();
    let persona = PersonaId::new("default-local");
    let everywhere = timed(store, &queries, &Filter::default())?;
    let in_persona = timed(store, &queries, &Filter::of_persona(persona))?;
    let in_session = timed(
        store,
        &queries,
        &Filter {
            sessions: Some(sessions.into_iter().take(1).collect()),
            ..Filter::default()
        },
    )?;
    let check = store.read(vectors::check)?;
    Ok(json!({
        "name": "chatkeep",
        "vectors": count,
        "nearest": everywhere,
        "nearest_of_persona": in_persona,
        "nearest_of_session": in_session,
        "recall_at_10": recall(store, &queries, &exact)?,
        "write_per_s": (count as f64 / embedding_s).round(),
        "load_s": load_s,
        "bytes_on_disk_each": bytes as f64 / count as f64,
        "bytes_in_memory_each": check.bytes as f64 / count as f64,
        "wrong": check.wrong,
    }))
}

/// Every other session has the persona that a filter asks for.
fn write_messages(store: &Store, count: usize) -> Result<Vec<SessionId>> {
    let mut all = Vec::new();
    while all.len() * MESSAGES_A_SESSION < count {
        let many = (count / MESSAGES_A_SESSION - all.len()).clamp(1, 100);
        let written = store.write_redoable(|tx| {
            let mut written = Vec::new();
            for number in 0..many {
                let mut new = NewSession::named("Chat");
                new.persona_id = (number % 2 == 0).then(|| PersonaId::new("default-local"));
                let session = sessions::insert(tx, &new)?;
                let texts = vec![NewMessage::user(session.id, "text"); MESSAGES_A_SESSION];
                messages::append_all(tx, session.id, &texts)?;
                written.push(session.id);
            }
            Ok(written)
        })?;
        all.extend(written.value);
    }
    Ok(all)
}

/// Embeds the queue as the app does, but with vectors that are made.
fn write_vectors(store: &Store, made: &mut Made, folder: &Path) -> Result<(Vec<f32>, f64)> {
    let model = store.write(|tx| vectors::use_model(tx, "made", 384))?;
    let mut out = BufWriter::new(File::create(folder.join("vectors.f32"))?);
    let (mut all, mut seconds) = (Vec::new(), 0.0);
    loop {
        let queued = store.read(|tx| vectors::queued(tx, BATCH))?;
        if queued.is_empty() {
            out.flush()?;
            return Ok((all, seconds));
        }
        let batch: Vec<_> = queued.iter().map(|_| made.vector()).collect();
        for vector in &batch {
            write_raw(&mut out, vector)?;
            all.extend_from_slice(vector);
        }
        let start = Instant::now();
        store.write_redoable(|tx| {
            for (message, vector) in queued.iter().zip(batch) {
                let chunk = Chunk { start: 0, vector };
                vectors::put(
                    tx,
                    model.id,
                    message.message_id,
                    message.text.len(),
                    &[chunk],
                )?;
            }
            Ok(())
        })?;
        seconds += start.elapsed().as_secs_f64();
    }
}

fn write_raw(out: &mut impl Write, vector: &[f32]) -> Result<()> {
    for number in vector {
        out.write_all(&number.to_le_bytes())?;
    }
    Ok(())
}

/// For each query where the nearest stand among all vectors, which were written from the newest
/// message down.
fn exact(all: &[f32], queries: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let nearest = |query: &Vec<f32>| {
        let vectors = all.chunks_exact(DIMENSION).enumerate();
        let mut found: Vec<(f32, usize)> =
            vectors.map(|(at, it)| (product(query, it), at)).collect();
        found.select_nth_unstable_by(FOUND, |a, b| b.0.total_cmp(&a.0));
        found.truncate(FOUND);
        found.into_iter().map(|(_, at)| at).collect()
    };
    queries.iter().map(nearest).collect()
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// The part of the exact ten that is found.
fn recall(store: &Store, queries: &[Vec<f32>], exact: &[Vec<usize>]) -> Result<f64> {
    let newest = store.read(messages::count)?;
    let mut right = 0;
    for (query, exact) in queries.iter().zip(exact) {
        let found = store.read(|tx| vectors::nearest(tx, query, &NearestOptions::first(FOUND)))?;
        let places = found.iter().map(|it| newest as i64 - it.message_id.get());
        right += places
            .filter(|place| exact.iter().any(|it| *it as i64 == *place))
            .count();
    }
    Ok(right as f64 / (queries.len() * FOUND) as f64)
}

fn timed(store: &Store, queries: &[Vec<f32>], filter: &Filter) -> Result<Value> {
    let options = NearestOptions {
        filter: filter.clone(),
        ..NearestOptions::first(FOUND)
    };
    let (mut samples, mut on_core) = (Vec::new(), Vec::new());
    for query in queries {
        let (start, core) = (Instant::now(), core_ms()?);
        black_box(store.read(|tx| vectors::nearest(tx, query, &options))?);
        samples.push(start.elapsed().as_secs_f64() * 1e3);
        on_core.push(core_ms()? - core);
    }
    let at = |samples: &mut Vec<f64>, percent: usize| {
        samples.sort_unstable_by(f64::total_cmp);
        samples.get(samples.len() * percent / 100).copied()
    };
    Ok(json!({
        "n": queries.len(),
        "p50_ms": at(&mut samples, 50),
        "p95_ms": at(&mut samples, 95),
        "core_p50_ms": at(&mut on_core, 50),
        "core_p95_ms": at(&mut on_core, 95),
    }))
}

/// Milliseconds that this thread has had a core, by Linux's own count: what others run does not count.
fn core_ms() -> Result<f64> {
    let counts = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = counts.split_whitespace().next().unwrap_or_default();
    Ok(nanos.parse::<f64>()? / 1e6)
}

/// Vectors with topics, the same at every run.
struct Made {
    random: u64,
    mean: Vec<f32>,
    topics: Vec<Vec<f32>>,
}

impl Made {
    fn new(count: usize) -> Self {
        let mut made = Self {
            random: 42,
            mean: Vec::new(),
            topics: Vec::new(),
        };
        made.mean = made.direction();
        made.topics = (0..count.div_ceil(VECTORS_A_TOPIC))
            .map(|_| made.direction())
            .collect();
        made
    }

    fn next(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }

    /// The sum of four uniform numbers is nearly normal.
    fn number(&mut self) -> f32 {
        let sum: u64 = (0..4).map(|_| self.next() & 0xFFFF).sum();
        sum as f32 / 65_536.0 - 2.0
    }

    /// Of length 1; the further on, the smaller the numbers.
    fn direction(&mut self) -> Vec<f32> {
        let numbers = (1..=DIMENSION).map(|at| self.number() / (at as f32).powf(0.25));
        unit(numbers.collect())
    }

    fn vector(&mut self) -> Vec<f32> {
        let topic = self.next() as usize % self.topics.len();
        let own = self.direction();
        let topic = &self.topics[topic];
        let parts = self.mean.iter().zip(topic).zip(&own);
        unit(
            parts
                .map(|((mean, topic), own)| 0.5 * mean + topic + own)
                .collect(),
        )
    }

    fn queries(&mut self, folder: &Path) -> Result<Vec<Vec<f32>>> {
        let queries: Vec<_> = (0..QUERIES).map(|_| self.vector()).collect();
        let mut out = BufWriter::new(File::create(folder.join("queries.f32"))?);
        for query in &queries {
            write_raw(&mut out, query)?;
        }
        out.flush()?;
        Ok(queries)
    }
}

fn unit(numbers: Vec<f32>) -> Vec<f32> {
    let length = product(&numbers, &numbers).sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}
