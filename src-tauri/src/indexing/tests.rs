//! The care of the indexes, on a real database, through ends of the app and damage.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as claimed"
)]

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use chatkeep_store::search::{SearchRequest, SearchResults, search};
use chatkeep_store::testing::make_older_database;
use chatkeep_store::{
    Clock, DATABASE_FILE, NewMessage, NewSession, OpenOptions, SystemClock, messages, sessions,
};
use tauri::async_runtime::block_on;

use super::*;
use crate::backups::environment::Environment;

/// Messages that are left to be indexed: nearly two steps of them, and no more than a search counts.
const LEFT: u64 = 900;
const FOLDER: &str = "CHATKEEP_TEST_FOLDER";

fn app(folder: &Path) -> AppState {
    AppState::open(folder.to_owned(), Environment::default(), |_| {})
}

/// Messages as an import leaves them.
fn import(folder: &Path) {
    let store = OpenOptions::new(folder).open().unwrap();
    store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named("Imported"))?;
            index::deferred(tx, || {
                let new: Vec<_> = (0..LEFT)
                    .map(|it| NewMessage::user(session.id, format!("imported kettle n{it}n")))
                    .collect();
                messages::append_all(tx, session.id, &new)
            })
        })
        .unwrap();
}

/// What another program writes to the file of an app that is closed.
fn intrude(folder: &Path, sql: &str) {
    let script = "import sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(folder.join(DATABASE_FILE))
        .arg(sql)
        .output()
        .unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}: {problem}");
}

async fn find(state: &AppState, text: &str) -> SearchResults {
    let request = SearchRequest::new(text);
    let now = SystemClock.now();
    let found = state.read(move |tx| search(tx, &request, now));
    found.await.unwrap()
}

/// Looks after the indexes to the end, and returns what was told of it. `first` happens when it is
/// told for the first time, and nothing goes on meanwhile.
fn care(state: &AppState, first: impl Fn() + Sync) -> Vec<IndexStatus> {
    let told = Mutex::new(Vec::new());
    let tell = |status| {
        let is_first = told.lock().unwrap().is_empty();
        if is_first {
            // On a thread of its own, as the window is.
            std::thread::scope(|scope| scope.spawn(&first).join()).unwrap();
        }
        told.lock().unwrap().push(status);
    };
    block_on(look_after(state, &tell)).unwrap();
    told.into_inner().unwrap()
}

/// All of them are found, and nothing is wrong with the indexes.
fn assert_whole(state: &AppState) {
    block_on(async {
        assert!(state.read(repair::looks_whole).await.unwrap());
        assert!(state.read(repair::is_sound).await.unwrap());
        for text in ["kettle", "ettl"] {
            let found = find(state, text).await;
            assert_eq!(
                (found.total.count as u64, found.pending),
                (LEFT, 0),
                "{text}"
            );
        }
    });
}

/// The newest are found and the oldest not yet, and the search says that there are more to come.
fn assert_under_way(state: &AppState) {
    block_on(async {
        let newest = find(state, &format!("n{}n", LEFT - 1)).await;
        assert_eq!(newest.messages.len(), 1);
        assert!(newest.pending > 0);
        let oldest = find(state, "n0n").await;
        assert_eq!(oldest.messages, []);
        assert!(oldest.pending > 0);
    });
}

#[test]
fn what_an_import_left_is_indexed_the_newest_first_and_it_is_told_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path());
    let state = app(folder.path());
    let told = care(&state, || assert_under_way(&state));
    let pending: Vec<u64> = told.iter().map(|it| it.pending).collect();
    assert!(0 < pending[0] && pending[0] < LEFT, "{pending:?}");
    assert!(pending.is_sorted_by(|a, b| a > b), "{pending:?}");
    assert_eq!(pending.last(), Some(&0));
    assert!(told.iter().all(|it| it.total == LEFT));
    assert_whole(&state);
    // Nothing is left, so nothing is told.
    assert_eq!(care(&state, || ()), []);
}

#[test]
fn what_was_there_before_an_upgrade_is_indexed_when_the_app_has_started() {
    let folder = tempfile::tempdir().unwrap();
    make_older_database(folder.path(), 7);
    intrude(
        folder.path(),
        &format!(
            "INSERT INTO sessions (id, name, created_at, updated_at)
             VALUES ('01900000-0000-7000-8000-000000000001', 'Older', 1, 1);
             WITH RECURSIVE numbers (n) AS (
                 SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {LEFT}
             )
             INSERT INTO messages (uid, session_id, role, text, created_at)
             SELECT printf('01900000-0000-7000-8000-%012d', n),
                 '01900000-0000-7000-8000-000000000001', 'user',
                 'older kettle n' || n || 'n', n
             FROM numbers;"
        ),
    );
    let state = app(folder.path());
    assert_eq!(state.failure(), None);
    assert!(block_on(find(&state, "kettle")).pending >= LEFT);
    let told = care(&state, || ());
    assert_eq!(told.last().unwrap().pending, 0);
    assert_whole(&state);
}

/// The test program starts itself again, on this test, as the app that is killed.
#[test]
fn a_kill_between_two_steps_loses_nothing_and_the_next_start_goes_on() {
    if let Some(folder) = env::var_os(FOLDER) {
        return be_killed(&PathBuf::from(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "indexing::tests::a_kill_between_two_steps_loses_nothing_and_the_next_start_goes_on";
    let mut process = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let said = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("left: ")?.parse::<u64>().ok());
    process.kill().unwrap();
    process.wait().unwrap();
    let left = said.unwrap();
    assert!(0 < left && left < LEFT);

    let state = app(folder.path());
    assert_eq!(block_on(state.read(index::pending)).unwrap(), left);
    assert!(block_on(state.read(repair::looks_whole)).unwrap());
    let told = care(&state, || ());
    assert!(told[0].pending < left, "it went on and did not begin anew");
    assert_whole(&state);
}

fn be_killed(folder: &Path) {
    import(folder);
    let state = app(folder);
    let tell = |status: IndexStatus| {
        println!("\nleft: {}", status.pending);
        // Until the parent kills this, or is gone.
        let _ = std::io::stdin().read_line(&mut String::new());
    };
    block_on(look_after(&state, &tell)).unwrap();
}

#[test]
fn an_index_that_does_not_fit_is_made_anew_while_the_search_says_so() {
    for damage in [
        "DELETE FROM search_words_docsize WHERE id = 7",
        "DELETE FROM search_parts_data WHERE id = 10",
    ] {
        let folder = tempfile::tempdir().unwrap();
        import(folder.path());
        let state = app(folder.path());
        care(&state, || ());
        block_on(state.close());
        drop(state);
        intrude(folder.path(), damage);

        let state = app(folder.path());
        assert_eq!(state.failure(), None, "{damage}");
        // The notes come first, and are told of when no message is found yet.
        let told = care(&state, || {
            let found = block_on(find(&state, "n0n"));
            assert!(found.messages.is_empty() && found.pending > 0, "{damage}");
        });
        assert!(!told.is_empty(), "it was not noticed: {damage}");
        assert_whole(&state);
    }
}

#[test]
fn without_a_database_there_is_nothing_to_look_after() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(DATABASE_FILE), "no database").unwrap();
    let state = app(folder.path());
    assert!(state.failure().is_some());
    assert_eq!(care(&state, || ()), []);
}
