//! Copying a database that others go on writing to.
//!
//! The source is held still by a read transaction for as long as the copy takes: without it, every
//! commit of another process makes SQLite begin again, and under a steady writer it never ends
//! (measured: 80 restarts in 8 s, against none in 0.7 s). Other writers are not held up.

use std::path::Path;
use std::time::Instant;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::control::{Control, Phase};
use crate::database::{self, Facts};
use crate::error::{At, Error, Result};
use crate::files::{self, Steady};

/// Pages copied between two looks at the clock: 4 MiB, some milliseconds.
const STEP_PAGES: i32 = 1024;

/// Copies the live database at `source` into a new file, which is then one file in journal mode
/// `delete`, and tells what was in the source at that moment.
pub(crate) fn copy(source: &Path, to: &Path, control: &Control) -> Result<Facts> {
    let outcome = copy_pinned(source, to, control);
    let facts = database::or_stopped(outcome, control)?;
    database::make_one_file(to, control)?;
    Ok(facts)
}

fn copy_pinned(source: &Path, to: &Path, control: &Control) -> Result<Facts> {
    let connection = database::open_live(source, control)?;
    begin_snapshot(&connection, source)?;
    drop(files::create_private(to)?);
    let mut target = open_target(to)?;
    let mut steady = Steady::open(to)?;
    run(
        &connection,
        &mut target,
        Phase::Copy,
        source,
        control,
        |bytes| steady.wrote(bytes).at("write to disk", to),
    )?;
    database::close(target, to)?;
    // Counted after the copy, so that a damaged source leaves a copy to look at.
    let facts = database::facts(&connection, source)?;
    connection.execute_batch("COMMIT").at("read", source)?;
    database::close(connection, source)?;
    Ok(facts)
}

/// Holds the database still for this connection from here on. BEGIN alone does not: the first read
/// does, and this one needs no sound schema.
pub(crate) fn begin_snapshot(connection: &Connection, path: &Path) -> Result<()> {
    connection.execute_batch("BEGIN").at("read", path)?;
    connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .map(drop)
        .at("read", path)
}

fn open_target(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at("open", path)?;
    connection
        .execute_batch(
            "-- What makes the copy last is one fsync at the end; an unfinished one is thrown away.
             PRAGMA synchronous = OFF;
             PRAGMA journal_mode = OFF;
             PRAGMA mmap_size = 0;
             PRAGMA cache_size = -8192;",
        )
        .at("open", path)?;
    Ok(connection)
}

/// Copies every page in one transaction of the target. SQLite's own loop waits for ever when it is
/// busy; this one ends with its deadline. `wrote` hears of the bytes as they are written.
pub(crate) fn run(
    source: &Connection,
    target: &mut Connection,
    phase: Phase,
    path: &Path,
    control: &Control,
    mut wrote: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let page_bytes: u64 = source
        .pragma_query_value(None, "page_size", |row| row.get(0))
        .at("read", path)?;
    let backup = Backup::new(source, target).at("copy", path)?;
    let start = Instant::now();
    let mut before = 0;
    loop {
        let step = backup.step(STEP_PAGES).at("copy", path)?;
        let progress = backup.progress();
        let total = u64::try_from(progress.pagecount).unwrap_or(0);
        let done = total.saturating_sub(u64::try_from(progress.remaining).unwrap_or(0));
        wrote(done.saturating_sub(before) * page_bytes)?;
        before = done;
        match step {
            StepResult::Done => return control.step(phase, total, total),
            StepResult::More => control.pace(start, done * page_bytes),
            StepResult::Busy | StepResult::Locked if start.elapsed() > BUSY_MAX => {
                return Err(Error::Busy {
                    file: path.to_owned(),
                    holder: "another program that writes to it".into(),
                });
            }
            _ => std::thread::sleep(BUSY_PAUSE),
        }
        control.step(phase, done, total)?;
    }
}

/// How long to wait for another program's write to end.
const BUSY_MAX: std::time::Duration = std::time::Duration::from_secs(30);
const BUSY_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
