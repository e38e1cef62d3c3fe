//! The workload of `scripts/bench`, done by the store or by its floor.
//!
//! ```text
//! cargo bench -p chatkeep-store --bench workload -- CORPUS.jsonl WORKDIR [--floor]
//! ```
//!
//! Prints one JSON object in the shape of the peer's: times in microseconds, rates in rows a second,
//! sizes in bytes. The floor is the store's own SQL on its own schema, prepared, with nothing around
//! it: what the store costs more is what its safety and its types cost.

mod floor;
mod searches;
mod side;
mod store;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use chatkeep_store::DATABASE_FILE;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::floor::FloorSide;
use crate::side::{Durability, Line, Side};
use crate::store::{StoreSide, plan_long_branch};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Messages in one transaction of the import.
const BATCH: usize = 1000;

fn main() -> Result<()> {
    // Cargo adds --bench to the arguments.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let (corpus, folder, is_floor) = match arguments.as_slice() {
        [corpus, folder] => (corpus, folder, false),
        [corpus, folder, flag] if flag == "--floor" => (corpus, folder, true),
        _ => return Err("usage: workload CORPUS.jsonl WORKDIR [--floor]".into()),
    };
    let folder = Path::new(folder).join(if is_floor { "floor" } else { "store" });
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let report = if is_floor {
        run(
            "floor",
            FloorSide::open(&folder)?,
            Path::new(corpus),
            &folder,
            |_, _, _, _| Ok(()),
        )?
    } else {
        let mut report = run(
            "chatkeep",
            StoreSide::open(&folder)?,
            Path::new(corpus),
            &folder,
            searches::measure,
        )?;
        report["ops"]["plan_10k_branch"] = plan_long_branch(&folder.join("long"))?;
        if let Some(ops) = report.get_mut("ops").and_then(Value::as_object_mut) {
            searches::import_deferred(Path::new(corpus), &folder.join("deferred"), ops)?;
        }
        report
    };
    writeln!(io::stdout(), "{report:#}")?;
    Ok(())
}

/// What one side alone can do, once the corpus is in it: with its rows, and the draws that follow.
type Extra<S> = fn(&mut S, usize, &mut Random, &mut Map<String, Value>) -> Result<()>;

fn run<S: Side>(
    name: &str,
    mut side: S,
    corpus: &Path,
    folder: &Path,
    extra: Extra<S>,
) -> Result<Value> {
    let mut ops = Map::new();
    let rows = import(&mut side, corpus, "import", &mut ops)?;
    side.furnish()?;
    let sessions = side.sessions();
    let mut random = Random::new();
    let mut time = |op: &str, times: usize, run: &mut dyn FnMut(usize) -> Result<()>| {
        ops.insert(op.to_owned(), timed(times, || run(random.draw(sessions)))?);
        Result::Ok(())
    };
    time("append_normal", 2000, &mut |session| {
        side.append(session, Durability::Normal)
    })?;
    time("append_full", 2000, &mut |session| {
        side.append(session, Durability::Full)
    })?;
    time("open_session", 2000, &mut |session| {
        side.open_session(session)
    })?;
    let list_sessions = timed(500, || side.list_sessions())?;
    time("build_context", 2000, &mut |session| {
        side.build_context(session)
    })?;
    ops.insert("list_sessions".to_owned(), list_sessions);
    extra(&mut side, rows, &mut random, &mut ops)?;
    let bytes = fs::metadata(folder.join(DATABASE_FILE))?.len();
    ops.insert("size".to_owned(), json!({ "bytes": bytes }));
    ops.insert(
        "memory".to_owned(),
        json!({ "peak_rss_bytes": peak_rss_bytes()? }),
    );
    without_index(folder)?;
    let unindexed = timed(2000, || {
        side.append(random.draw(sessions), Durability::Full)
    })?;
    ops.insert("append_full_unindexed".to_owned(), unindexed);
    drop(side);
    let sqlite = rusqlite::version();
    Ok(json!({ "name": name, "sqlite": sqlite, "sessions": sessions, "rows": rows, "ops": ops }))
}

/// From now on nothing is indexed: what an append costs by itself.
fn without_index(folder: &Path) -> Result<()> {
    Connection::open(folder.join(DATABASE_FILE))?
        .execute_batch("DROP TRIGGER search_message_inserted")?;
    Ok(())
}

/// The whole corpus; reading and parsing it is not counted.
fn import(
    side: &mut impl Side,
    corpus: &Path,
    op: &str,
    ops: &mut Map<String, Value>,
) -> Result<usize> {
    let mut lines = BufReader::new(File::open(corpus)?).lines();
    let (mut rows, mut inserting) = (0, Duration::ZERO);
    loop {
        let batch = lines
            .by_ref()
            .take(BATCH)
            .map(|line| Ok(serde_json::from_str(&line?)?))
            .collect::<Result<Vec<Line>>>()?;
        if batch.is_empty() {
            break;
        }
        let start = Instant::now();
        side.import(&batch)?;
        inserting += start.elapsed();
        rows += batch.len();
    }
    let rate = (rows as f64 / inserting.as_secs_f64()).round();
    ops.insert(op.to_owned(), json!({ "rows": rows, "rows_per_s": rate }));
    Ok(rows)
}

fn timed(times: usize, mut run: impl FnMut() -> Result<()>) -> Result<Value> {
    let mut samples = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        run()?;
        samples.push(start.elapsed());
    }
    samples.sort_unstable();
    let at = |percent: usize| {
        let sample = samples.get((times * percent / 100).min(times - 1));
        sample.map(|it| (it.as_secs_f64() * 1e7).round() / 10.0)
    };
    Ok(json!({ "n": times, "p50_us": at(50), "p95_us": at(95) }))
}

/// The same sessions at random as every other program of the workload draws.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(42)
    }

    fn draw(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = (self.0 >> 33) as usize;
        high % bound
    }
}

/// The most memory that this process has had, by Linux's own count.
fn peak_rss_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib
        .ok_or("/proc/self/status has no VmHWM")?
        .trim()
        .parse::<u64>()?
        * 1024)
}
