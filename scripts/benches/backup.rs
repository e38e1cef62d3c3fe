//! What a backup costs, beside SQLite's own: time, memory, how long the app's commits wait, and what
//! a point in time takes. Run by `scripts/bench`; by itself:
//!
//! ```sh
//! cargo bench --package chatkeep-scripts --bench backup -- --mib 1024 --rounds 3
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench has nothing else to do"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chatkeep_store::{NewMessage, NewSession, OpenOptions, SessionId, Store, messages, sessions};
use clap::Parser;

const BACKUP: &str = env!("CARGO_BIN_EXE_backup-db");
const RESTORE: &str = env!("CARGO_BIN_EXE_restore-db");
const WRITE_EVERY: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Arguments {
    /// The size of the database
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the database is made, on the disk that is to be measured
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir_in(&arguments.dir).unwrap();
    let bench = Bench::new(folder.path(), arguments.mib << 20);
    println!("{:.2} GiB in {}", bench.gib(), folder.path().display());
    println!(
        "load before: {}",
        fs::read_to_string("/proc/loadavg").unwrap().trim()
    );
    bench.backup_beside_sqlite3(arguments.rounds);
    bench.delta(arguments.rounds);
    bench.writer_beside_backup(arguments.rounds);
    bench.restore();
}

/// A data folder with a database of some size.
struct Bench {
    data: PathBuf,
}

impl Bench {
    fn new(folder: &Path, bytes: u64) -> Self {
        let bench = Self {
            data: folder.join("data"),
        };
        fs::create_dir(&bench.data).unwrap();
        let store = bench.open();
        let mut random = Random(7);
        while fs::metadata(bench.database()).unwrap().len() < bytes {
            fill(&store, &mut random);
        }
        bench
    }

    fn open(&self) -> Store {
        OpenOptions::new(&self.data).open().unwrap()
    }

    fn database(&self) -> PathBuf {
        self.data.join(chatkeep_store::DATABASE_FILE)
    }

    fn gib(&self) -> f64 {
        fs::metadata(self.database()).unwrap().len() as f64 / f64::from(1 << 30)
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> Measured {
        let mut command = Command::new(program);
        command
            .env("CHATKEEP_DATA_DIR", &self.data)
            .env_remove("CHATKEEP_BACKUP_DIR")
            .args(arguments);
        measure(&mut command)
    }

    fn full(&self) -> Measured {
        self.tool(BACKUP, &["--verify", "standard", "--no-prune"])
    }

    fn remove_backups(&self) {
        let _ = fs::remove_dir_all(self.data.join("backups"));
        // What is still to be written is not the next one's cost.
        assert!(Command::new("sync").status().unwrap().success());
    }

    /// `sqlite3 .backup`, and then its check of the copy.
    fn sqlite3(&self) -> Measured {
        let copy = self.data.join("copy.db");
        let backup = format!(".backup '{}'", copy.display());
        let copied = measure(Command::new("sqlite3").arg(self.database()).arg(backup));
        let checked = measure(
            Command::new("sqlite3")
                .arg(&copy)
                .arg("PRAGMA integrity_check"),
        );
        fs::remove_file(copy).unwrap();
        Measured {
            seconds: copied.seconds + checked.seconds,
            peak_mib: copied.peak_mib.max(checked.peak_mib),
        }
    }

    fn backup_beside_sqlite3(&self, rounds: usize) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            self.remove_backups();
            ours.push(self.full());
            self.remove_backups();
            theirs.push(self.sqlite3());
        }
        let (our_time, their_time) = (median(&ours), median(&theirs));
        tell(
            "backup-db --verify standard",
            &format!("{our_time:.2} s"),
            "",
        );
        tell(
            "sqlite3 .backup, integrity_check",
            &format!("{their_time:.2} s"),
            "",
        );
        tell("ratio", &format!("{:.2}", our_time / their_time), "2.5");
        tell(
            "memory of backup-db",
            &format!("{:.0} MiB", peak(&ours)),
            "64 MiB",
        );
    }

    fn delta(&self, rounds: usize) {
        self.remove_backups();
        self.full();
        let (mut times, mut bytes) = (Vec::new(), 0);
        for round in 0..rounds {
            let store = self.open();
            let session = only_session(&store);
            for number in 0..10 {
                append(&store, session, &format!("Round {round}, message {number}"));
            }
            drop(store);
            times.push(self.tool(BACKUP, &["--delta", "--no-prune"]));
            bytes = newest_delta(&self.data.join("backups"));
        }
        let per_gib = median(&times) / self.gib();
        let share = 100.0 * bytes as f64 / fs::metadata(self.database()).unwrap().len() as f64;
        tell(
            "delta after 10 messages",
            &format!("{per_gib:.2} s per GiB"),
            "2 s per GiB",
        );
        tell("its size", &format!("{bytes} bytes, {share:.4} %"), "1 %");
        tell(
            "memory of it",
            &format!("{:.0} MiB", peak(&times)),
            "64 MiB",
        );
    }

    fn writer_beside_backup(&self, rounds: usize) {
        let store = self.open();
        let session = only_session(&store);
        for round in 0..rounds {
            self.remove_backups();
            let idle = write_while(&store, session, || thread::sleep(IDLE));
            let busy = write_while(&store, session, || {
                self.full();
            });
            let ratio = p99_ms(&busy) / p99_ms(&idle);
            tell(
                &format!("writer p99, round {}", round + 1),
                &format!(
                    "{:.1} ms idle, {:.1} ms beside a backup ({} commits): {ratio:.2}",
                    p99_ms(&idle),
                    p99_ms(&busy),
                    busy.len()
                ),
                "2",
            );
        }
    }

    fn restore(&self) {
        self.remove_backups();
        self.full();
        let store = self.open();
        append(&store, only_session(&store), "One more");
        drop(store);
        let run = self.tool(RESTORE, &["latest", "--yes", "--deadline", "0"]);
        let time = format!("{:.2} s, with a backup before it", run.seconds);
        tell("restore-db latest", &time, "");
        tell(
            "memory of restore-db",
            &format!("{:.0} MiB", run.peak_mib),
            "64 MiB",
        );
    }
}

fn tell(what: &str, figure: &str, goal: &str) {
    let goal = if goal.is_empty() {
        String::new()
    } else {
        format!("  (goal: {goal})")
    };
    println!("{what:<34} {figure}{goal}");
}

/// A thousand messages of some 2 KiB in a session of their own.
fn fill(store: &Store, random: &mut Random) {
    store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named("Bench"))?;
            for _ in 0..1000 {
                messages::append(tx, &NewMessage::user(session.id, random.text()))?;
            }
            Ok(())
        })
        .unwrap();
}

fn only_session(store: &Store) -> SessionId {
    let page = store.read(|tx| sessions::list(tx, chatkeep_store::Shelf::Active, None, 1));
    page.unwrap().items[0].id
}

fn append(store: &Store, session: SessionId, text: &str) {
    let message = NewMessage::user(session, text);
    store
        .write(|tx| messages::append(tx, &message).map(drop))
        .unwrap();
}

/// How long each commit took while `work` ran, one every ten milliseconds.
fn write_while(store: &Store, session: SessionId, work: impl FnOnce()) -> Vec<Duration> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut waits = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                append(store, session, "A message of a person who types fast");
                waits.push(start.elapsed());
                thread::sleep(WRITE_EVERY);
            }
            waits
        });
        work();
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    })
}

fn p99_ms(waits: &[Duration]) -> f64 {
    let mut sorted = waits.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * 99 / 100).min(sorted.len() - 1)].as_secs_f64() * 1000.0
}

/// A program that was run.
struct Measured {
    seconds: f64,
    peak_mib: f64,
}

fn measure(command: &mut Command) -> Measured {
    let start = Instant::now();
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        // The kernel keeps the peak; the last look before the end is near enough.
        peak_kib = peak_of(&status).unwrap_or(0).max(peak_kib);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{command:?}: {ended}");
            return Measured {
                seconds: start.elapsed().as_secs_f64(),
                peak_mib: f64::from(peak_kib) / 1024.0,
            };
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn peak_of(status: &str) -> Option<u32> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn median(all: &[Measured]) -> f64 {
    let mut seconds: Vec<_> = all.iter().map(|it| it.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn peak(all: &[Measured]) -> f64 {
    all.iter().map(|it| it.peak_mib).fold(0.0, f64::max)
}

fn newest_delta(folder: &Path) -> u64 {
    let deltas = fs::read_dir(folder).unwrap().flatten();
    let deltas = deltas.filter(|it| it.path().extension().is_some_and(|it| it == "pgd"));
    let newest = deltas.max_by_key(fs::DirEntry::file_name).unwrap();
    newest.metadata().unwrap().len()
}

/// Words that look random and come again (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn text(&mut self) -> String {
        let words: Vec<_> = (0..240)
            .map(|_| format!("{:x}", self.next() % 0x1ff_ffff))
            .collect();
        words.join(" ")
    }
}
