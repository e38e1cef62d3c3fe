//! Prints what the models cost on this machine: loading, memory, a query, messages a second.
//!
//!     cargo run --release --package chatkeep-embed --example bench [FOLDER]
//!
//! FOLDER is where the models are; `target/models` unless given.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a report on the terminal of a developer"
)]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chatkeep_embed::{Embedder, Model};

/// Long enough that a busy machine's pauses even out.
const TIME: Duration = Duration::from_secs(4);

fn main() {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or("target/models".to_owned());
    let folders = [PathBuf::from(folder)];
    for model in Model::ALL {
        if model.is_installed(&folders) {
            report(model, &folders);
        } else {
            println!("{}: not installed", model.name());
        }
    }
}

fn report(model: Model, folders: &[PathBuf]) {
    let before = memory_mib();
    let started = Instant::now();
    let embedder = model.load(folders).expect("the model loads");
    println!("{}", model.name());
    println!("  load            {:8.0} ms", millis(started.elapsed()));
    let queries = times(|| drop(black_box(embedder.embed_query(&text(20)))));
    println!(
        "  query, 20 tokens{:8.1} ms median, {:.1} ms p95",
        at(&queries, 50),
        at(&queries, 95)
    );
    for tokens in [20, 100, 200] {
        println!(
            "  {tokens:3} tokens      {:8.1} messages/s",
            rate(&*embedder, tokens)
        );
    }
    println!(
        "  memory          {:8.0} MiB more than before",
        memory_mib() - before
    );
}

/// Messages a second, in batches as the app embeds them.
fn rate(embedder: &dyn Embedder, tokens: usize) -> f64 {
    const BATCH: usize = 8;
    let text = text(tokens);
    let batch = [text.as_str(); BATCH];
    let times = times(|| drop(black_box(embedder.embed_passages(&batch))));
    BATCH as f64 * 1000.0 / at(&times, 50)
}

/// Words of one token each; the two marks are tokens too.
fn text(tokens: usize) -> String {
    let words = [
        "the", "house", "garden", "was", "water", "under", "small", "river", "green",
    ];
    let words: Vec<_> = words.into_iter().cycle().take(tokens - 2).collect();
    words.join(" ")
}

/// Sorted, in milliseconds.
fn times(mut work: impl FnMut()) -> Vec<f64> {
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < TIME {
        let run = Instant::now();
        work();
        times.push(millis(run.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    times
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted[sorted.len() * percent / 100]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What of the process is in memory, where the system says so in `/proc`.
fn memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(f64::NAN);
    kib / 1024.0
}
