//! A backup while another process writes a hundred times a second.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has nothing else to do"
)]

#[path = "../../src-tauri/crates/store/tests/support/child.rs"]
#[allow(dead_code, unreachable_pub, reason = "a part of it is used here")]
mod child;
mod common;

use std::thread;
use std::time::Duration;

use chatkeep_store::{NewMessage, SessionId, messages};
use common::{Chats, open};

const TEST: &str = "a_backup_beside_a_busy_process_holds_one_moment";

/// Two messages a transaction, always, a hundred transactions a second.
fn write_until_stopped(folder: &std::path::Path) {
    let store = open(folder);
    let session = only_session(&store);
    child::say("writing");
    thread::scope(|scope| {
        scope.spawn(|| {
            child::stay();
            std::process::exit(0);
        });
        loop {
            let pair = store.write(|tx| {
                messages::append(tx, &NewMessage::user(session, "one of a pair"))?;
                messages::append(tx, &NewMessage::user(session, "the other of a pair"))
            });
            child::say(pair.unwrap().id);
            thread::sleep(Duration::from_millis(10));
        }
    });
}

fn only_session(store: &chatkeep_store::Store) -> SessionId {
    let page =
        store.read(|tx| chatkeep_store::sessions::list(tx, chatkeep_store::Shelf::Active, None, 1));
    page.unwrap().items[0].id
}

#[test]
fn a_backup_beside_a_busy_process_holds_one_moment() {
    if let Some(folder) = child::folder() {
        return write_until_stopped(&folder);
    }
    let chats = Chats::new();
    let mut writer = child::Running::start(TEST, chats.folder.path());
    assert_eq!(writer.hear(), "writing");
    let mut rows = Vec::new();
    for arguments in [
        &["--max-mbps", "1"][..],
        &["--delta"],
        &["--compress", "zstd"],
    ] {
        let acknowledged = writer.hear();
        let run = chats.run(
            "backup-db",
            &[&["--json", "--no-prune"], arguments].concat(),
        );
        let made = run.ok().message("summary");
        let content = &made["manifest"]["content"]["messages"];
        // What was acknowledged before it began is in it.
        let acknowledged: i64 = acknowledged.parse().unwrap();
        assert!(content["rowid_max"].as_i64().unwrap() >= acknowledged);
        rows.push(content["rows"].as_i64().unwrap());
    }
    writer.kill();
    println!("{rows:?} messages");
    // Three to begin with, and never half a pair.
    assert!(rows.iter().all(|it| it % 2 == 1), "{rows:?}");
    assert!(rows.is_sorted() && rows[0] < rows[2], "{rows:?}");
    common::assert_backups_sound(chats.folder.path(), "beside a writer");
}
