//! The indexes: filled behind, resumed after a kill, checked and made anew.

use std::fs;

use chatkeep_store::search::{index, repair};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{NewMessage, NewSession, OpenOptions, messages, sessions, trash};
use tempfile::tempdir;

use super::{find, found};
use crate::support::{assert_sound, child, intruder, missing_session, say};

/// Messages that are left to be indexed behind, 1,200 of them, and the names of their 12 sessions.
fn import(store: &chatkeep_store::Store) {
    for part in 0..12 {
        store
            .write(|tx| {
                index::deferred(tx, || {
                    let session = sessions::insert(tx, &NewSession::named(format!("Part {part}")))?;
                    let new: Vec<_> = (0..100)
                        .map(|it| NewMessage::user(session.id, format!("imported p{part}x{it}q")))
                        .collect();
                    messages::append_all(tx, session.id, &new)
                })
            })
            .unwrap();
    }
}

fn pending(store: &chatkeep_store::Store) -> u64 {
    store.read(index::pending).unwrap()
}

fn catch_up(store: &chatkeep_store::Store) {
    while *store.write(index::catch_up).unwrap() > 0 {}
}

#[test]
fn what_is_left_behind_is_indexed_in_steps_the_newest_first_and_what_comes_meanwhile_at_once() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    say(&store, session, "before the import");
    import(&store);
    let after = say(&store, session, "after the import");
    assert_eq!(pending(&store), 1212);
    assert_eq!(found(&store, "imported"), [""; 0]);
    assert_eq!(find(&store, "import").pending, 1212);
    assert_eq!(find(&store, "Part").notes, []);
    assert_eq!(found(&store, "the import").len(), 2);
    assert_sound(store.file());

    // The names first, as one range: each step of the import went on where the last had ended.
    store.write(index::catch_up).unwrap();
    assert_eq!(pending(&store), 1200);
    assert_ne!(find(&store, "Part").notes, []);
    store.write(index::catch_up).unwrap();
    assert_eq!(pending(&store), 700);
    assert_eq!(found(&store, "p11x99q"), ["imported [p11x99q]"]);
    assert_eq!(found(&store, "p0x0q"), [""; 0]);
    assert_sound(store.file());

    // A message goes that was never indexed, and one that was.
    store
        .write(|tx| {
            let gone = chatkeep_store::MessageId::new(3);
            trash::trash_message(tx, gone)?;
            trash::trash_message(tx, after.id)?;
            trash::purge(tx, tx.now())
        })
        .unwrap();
    assert_sound(store.file());
    catch_up(&store);
    let counts = (0..12).map(|part| find(&store, &format!("p{part}x*")).total.count);
    assert_eq!(counts.sum::<usize>(), 1199);
    assert_eq!(found(&store, "p0x0q"), ["imported [p0x0q]"]);
    assert!(store.read(repair::looks_whole).unwrap());
    assert_sound(store.file());
}

#[test]
fn messages_that_are_appended_together_are_found_at_once_also_those_before_one_that_fails() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let said = |text: &str| NewMessage::user(session, text);
    let refused = NewMessage {
        model_id: Some(String::new()),
        ..said("refused")
    };
    store
        .write(|tx| {
            let new = [said("oolong one"), refused, said("oolong two")];
            assert!(messages::append_all(tx, session, &new).is_err());
            let named = sessions::insert(tx, &NewSession::named("Oolong"))?;
            messages::append_all(tx, named.id, &[NewMessage::user(named.id, "oolong three")])
        })
        .unwrap();
    assert_eq!(pending(&store), 0);
    assert_eq!(found(&store, "oolong").len(), 2);
    assert_eq!(find(&store, "oolong").notes.len(), 1);
    assert!(store.read(repair::looks_whole).unwrap());
    assert_sound(store.file());
}

#[test]
fn what_is_left_behind_by_an_import_that_goes_on_after_an_error_is_indexed_later() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    store
        .write(|tx| {
            let failed = index::deferred(tx, || {
                let kept = [NewMessage::user(session, "oolong one")];
                index::deferred(tx, || messages::append_all(tx, session, &kept))?;
                sessions::get(tx, missing_session())
            });
            assert!(failed.is_err());
            messages::append(tx, &NewMessage::user(session, "oolong two"))
        })
        .unwrap();
    assert_eq!(pending(&store), 1);
    assert_eq!(found(&store, "oolong"), ["[oolong] two"]);
    catch_up(&store);
    assert_eq!(found(&store, "oolong").len(), 2);
    assert!(store.read(repair::looks_whole).unwrap());
    assert_sound(store.file());
}

#[test]
fn a_kill_in_the_middle_leaves_the_indexes_right_and_the_rest_is_indexed_later() {
    if let Some(folder) = child::folder() {
        let store = OpenOptions::new(&folder).open().unwrap();
        import(&store);
        for _ in 0..100 {
            store.write(index::catch_up).unwrap();
            child::say(pending(&store));
        }
        return child::stay();
    }
    let folder = tempdir().unwrap();
    let test = "search::upkeep::a_kill_in_the_middle_leaves_the_indexes_right_and_the_rest_is_\
                indexed_later";
    let mut process = child::Running::start(test, folder.path());
    process.hear();
    process.kill();
    let store = OpenOptions::new(folder.path()).open().unwrap();
    assert!(store.read(repair::looks_whole).unwrap());
    assert_sound(store.file());
    catch_up(&store);
    assert_eq!(pending(&store), 0);
    assert!(store.read(repair::looks_whole).unwrap());
    assert_sound(store.file());
}

#[test]
fn an_index_that_does_not_fit_is_noticed_and_made_anew() {
    for damage in [
        "DELETE FROM search_words_docsize WHERE id = 1",
        "INSERT INTO search_parts (search_parts) VALUES ('delete-all')",
        "DELETE FROM search_pending; DROP TRIGGER search_message_inserted;
         INSERT INTO messages (uid, session_id, role, text, created_at)
         SELECT '01900000-0000-7000-8000-000000000002', id, 'user', 'tea', 0 FROM sessions",
        "DROP TRIGGER search_pin_inserted;
         INSERT INTO semantic_pins (id, session_id, content, created_at)
         SELECT '01900000-0000-7000-8000-000000000001', id, 'tea', 0 FROM sessions",
    ] {
        let store = TestStore::new();
        let session = store.session("Kitchen").id;
        say(&store, session, "tea");
        assert!(store.read(repair::looks_whole).unwrap());
        assert_eq!(wrong(&store), 0);
        intruder(store.file()).execute_batch(damage).unwrap();
        assert!(!store.read(repair::looks_whole).unwrap(), "{damage}");
        assert_ne!(wrong(&store), 0, "{damage}");

        store.write(repair::start_over).unwrap();
        assert!(store.read(repair::looks_whole).unwrap(), "{damage}");
        catch_up(&store);
        assert!(store.read(repair::looks_whole).unwrap(), "{damage}");
        assert!(store.read(repair::is_sound).unwrap());
        assert_eq!(wrong(&store), 0);
        assert!(!found(&store, "tea").is_empty());
        assert_sound(store.file());
    }
}

fn wrong(store: &TestStore) -> u64 {
    let mut step = store.read(repair::check).unwrap();
    while let Some(next) = store.read(|tx| repair::check_more(tx, step)).unwrap() {
        step = next;
    }
    let total = store.read(repair::check_total).unwrap();
    assert!(step.done <= total, "{} of {total}", step.done);
    step.wrong
}

#[test]
fn a_damaged_page_of_an_index_is_noticed_and_mended() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    for number in 0..200 {
        say(&store, session, &format!("tea number{number}"));
    }
    assert!(store.read(repair::is_sound).unwrap());
    intruder(store.file())
        .execute_batch("UPDATE search_words_data SET block = zeroblob(20) WHERE id > 100")
        .unwrap();
    assert!(!matches!(store.read(repair::is_sound), Ok(true)));
    store.write(repair::start_over).unwrap();
    catch_up(&store);
    assert_eq!(find(&store, "tea").total.count, 200);
    assert_sound(store.file());
    assert!(store.read(repair::is_sound).unwrap());
}

#[test]
fn an_upgrade_leaves_what_is_there_to_be_indexed_behind() {
    let store = TestStore::new();
    let session = store.session("Kitchen").id;
    say(&store, session, "tea");
    let folder = tempdir().unwrap();
    let database = folder.path().join(chatkeep_store::DATABASE_FILE);
    store.truncate_log().unwrap();
    let bytes = store.file().to_owned();
    drop_search(&bytes);
    drop_and_copy(store, &bytes, &database);
    let upgraded = OpenOptions::new(folder.path()).open().unwrap();
    assert_eq!(pending(&upgraded), 2);
    assert_sound(upgraded.file());
    catch_up(&upgraded);
    assert!(upgraded.read(repair::looks_whole).unwrap());
    assert_sound(upgraded.file());
}

/// Takes the migration back: the file is as the version before left it.
fn drop_search(file: &std::path::Path) {
    let raw = intruder(file);
    let names = crate::support::column(
        &raw,
        "SELECT type || ' ' || name FROM sqlite_schema
         WHERE name LIKE 'search%' AND type IN ('trigger', 'view')",
    );
    for name in names {
        raw.execute_batch(&format!("DROP {name}")).unwrap();
    }
    raw.execute_batch(
        // With it what came after it: migrations are run in their order.
        "DROP TRIGGER new_messages_are_queued; DROP TRIGGER finished_messages_are_queued;
         DROP TRIGGER streaming_messages_have_no_vectors; DROP TABLE embedding_queue;
         DROP TABLE message_vectors; DROP TABLE embedding_models;
         DROP TABLE search_part_terms; DROP TABLE search_words; DROP TABLE search_parts;
         DROP TABLE search_pending; DROP TABLE search_notes; DROP TABLE search_scrub;
         DELETE FROM refinery_schema_history WHERE version >= 8;",
    )
    .unwrap();
    let before: i32 = raw
        .query_row(
            "SELECT max(version) FROM refinery_schema_history",
            [],
            |row| row.get(0),
        )
        .unwrap();
    raw.pragma_update(None, "user_version", before).unwrap();
}

fn drop_and_copy(store: TestStore, from: &std::path::Path, to: &std::path::Path) {
    store.truncate_log().unwrap();
    let copied = std::process::Command::new("cp").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
    assert!(fs::metadata(to).unwrap().len() > 0);
}
