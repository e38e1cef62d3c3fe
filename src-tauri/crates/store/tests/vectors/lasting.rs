//! What a rollback, a kill, a restore and a purge leave, and how much room it all takes.

use std::fs;
use std::sync::Arc;

use chatkeep_store::{DATABASE_FILE, OpenOptions};
use tempfile::tempdir;

use super::*;
use crate::support::child;
use crate::support::folder::open;

#[test]
fn a_write_that_is_rolled_back_leaves_no_code_behind_though_its_ids_are_used_again() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let one = say(&store, session, "one");
    let two = say(&store, session, "two");
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), []);
    let failed = store.write(|tx| {
        vectors::put(tx, model.id, one.id, 3, &[chunk(&[1.0, 0.0, 0.0])])?;
        // Another connection searches in the middle of the write.
        assert_eq!(found(&store, &[1.0, 0.0, 0.0]), []);
        Err::<(), _>(Error::Busy)
    });
    assert!(failed.is_err());
    assert_eq!(assert_in_step(&store), 0);
    // The same vector id, another vector.
    assert!(put(&store, &model, &two, &[chunk(&[0.0, 1.0, 0.0])]));
    assert_eq!(assert_in_step(&store), 1);
    let all = nearest(&store, &[0.0, 1.0, 0.0], &NearestOptions::first(5));
    assert_eq!((all.len(), all[0].message_id), (1, two.id));
    assert!(all[0].similarity > 0.999);
}

#[test]
fn a_reader_of_an_older_snapshot_finds_what_that_has() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let one = say(&store, session, "one");
    let two = say(&store, session, "two");
    assert!(put(&store, &model, &one, &[chunk(&[1.0, 0.0, 0.0])]));
    let query = [1.0, 0.0, 0.0];
    store
        .read(|tx| {
            let before = vectors::nearest(tx, &query, &NearestOptions::first(5))?;
            assert!(put(&store, &model, &two, &[chunk(&query)]));
            purge_message(&store, one.id);
            // Another reader brings the codes up to what is new.
            assert_eq!(found(&store, &query), [two.id]);
            let after = vectors::nearest(tx, &query, &NearestOptions::first(5))?;
            // The code of what was purged is gone for all; what is new is not in the snapshot.
            assert!(after.iter().all(|it| before.contains(it)));
            Ok(())
        })
        .unwrap();
    assert_eq!(assert_in_step(&store), 1);
}

#[test]
fn a_process_that_is_killed_while_it_embeds_goes_on_where_it_was() {
    if let Some(folder) = child::folder() {
        let store = open(&folder).unwrap();
        let model = small_model(&store);
        let queued = store.read(|tx| vectors::queued(tx, 2)).unwrap();
        let embed = |at: usize, tx: &chatkeep_store::WriteTx<'_>| {
            let Some(it) = queued.get(at) else {
                return Ok(false);
            };
            vectors::put(
                tx,
                model.id,
                it.message_id,
                it.text.len(),
                &[chunk(&[1.0; 3])],
            )
        };
        store.write_redoable(|tx| embed(0, tx)).unwrap();
        let _ = store.write_redoable(|tx| {
            embed(1, tx)?;
            child::say("in the middle of a write");
            child::stay();
            Ok(())
        });
        return;
    }
    let folder = tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let session = store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named("Tea"))?;
            for text in ["one", "two", "three"] {
                messages::append(tx, &NewMessage::user(session.id, text))?;
            }
            Ok(session)
        })
        .unwrap();
    small_model(&store);
    drop(store);
    let test = "vectors::lasting::a_process_that_is_killed_while_it_embeds_goes_on_where_it_was";
    let mut process = child::Running::start(test, folder.path());
    process.hear();
    process.kill();

    let store = open(folder.path()).unwrap();
    assert_eq!(queue(&store), ["two", "one"]);
    assert_eq!(assert_in_step(&store), 1);
    let all = nearest(&store, &[1.0; 3], &NearestOptions::first(5));
    assert_eq!((all.len(), all[0].session_id), (1, session.id));
    assert_sound(store.file());
}

#[test]
fn after_a_restore_of_an_older_file_the_memory_is_of_that_file() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let one = say(&store, session, "one");
    let two = say(&store, session, "two");
    assert!(put(&store, &model, &one, &[chunk(&[1.0, 0.0, 0.0])]));
    let backup = tempdir().unwrap();
    let copy = backup.path().join(DATABASE_FILE);
    let sql = format!("VACUUM INTO '{}'", copy.display());
    intruder(store.file()).execute_batch(&sql).unwrap();
    // The next vector has the same id in both, and is another one.
    assert!(put(&store, &model, &two, &[chunk(&[0.0, 1.0, 0.0])]));
    assert_eq!(found(&store, &[0.0, 1.0, 0.0]), [two.id, one.id]);

    let folder = tempdir().unwrap();
    let clock = store.clock.clone();
    drop(store);
    fs::rename(&copy, folder.path().join(DATABASE_FILE)).unwrap();
    let store = OpenOptions::new(folder.path()).clock(clock).open().unwrap();
    assert_eq!(found(&store, &[0.0, 1.0, 0.0]), [one.id]);
    assert!(put(&store, &model, &two, &[chunk(&[0.0, 0.0, 1.0])]));
    assert_eq!(found(&store, &[0.0, 0.0, 1.0]), [two.id, one.id]);
    assert_eq!(assert_in_step(&store), 2);
}

/// A reader that began before once read the codes of what was there back into the memory of all.
#[test]
fn after_a_replacement_a_reader_of_before_reads_for_itself_alone() {
    let folder = tempdir().unwrap();
    let store = Arc::new(open(folder.path()).unwrap());
    let model = small_model(&store);
    store
        .write(|tx| {
            let session = sessions::insert(tx, &NewSession::named("Tea"))?;
            for vector in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
                let said = messages::append(tx, &NewMessage::user(session.id, "Hi"))?;
                vectors::put(tx, model.id, said.id, said.text.len(), &[chunk(&vector)])?;
            }
            Ok(())
        })
        .unwrap();
    let query = [0.0, 1.0, 0.0];
    let first = NearestOptions::first(1);
    store
        .read(|tx| {
            let before = vectors::nearest(tx, &query, &first)?;
            let hold = store.hold_writes()?;
            // Other vectors with the same ids: 0, 0, 1 in f16.
            intruder(store.file())
                .execute("UPDATE message_vectors SET vector = x'00000000003C'", [])
                .unwrap();
            hold.replaced();
            assert_eq!(vectors::nearest(tx, &query, &first)?, before);
            assert!((before[0].similarity - 1.0).abs() < 1e-3);
            Ok(())
        })
        .unwrap();
    assert_eq!(assert_in_step(&store), 2);
    assert!(nearest(&store, &query, &first)[0].similarity.abs() < 1e-3);
}

#[test]
fn what_another_connection_writes_is_followed_too() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let one = say(&store, session, "one");
    assert!(put(&store, &model, &one, &[chunk(&[1.0, 0.0, 0.0])]));
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), [one.id]);
    let beside = intruder(store.file());
    beside.execute("DELETE FROM message_vectors", []).unwrap();
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), []);
    assert_eq!(assert_in_step(&store), 0);
}

#[test]
fn a_rebuild_makes_the_memory_anew_and_finds_the_same() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    for text in ["one", "two", "three"] {
        let message = say(&store, session, text);
        let at = text.len() as f32;
        assert!(put(&store, &model, &message, &[chunk(&[at, 1.0, -at])]));
    }
    let before = nearest(&store, &[1.0, 2.0, 3.0], &NearestOptions::first(5));
    store.read(vectors::rebuild).unwrap();
    assert_eq!(assert_in_step(&store), 3);
    assert_eq!(
        nearest(&store, &[1.0, 2.0, 3.0], &NearestOptions::first(5)),
        before
    );
    let error = refused(&store, |tx| vectors::rebuild(tx));
    assert!(matches!(error, Error::Invalid { .. }));
}

/// Newest first, in batches, as the app does it.
#[test]
fn a_message_takes_at_most_900_bytes_on_disk_and_64_in_memory() {
    const MESSAGES: usize = 9_000;
    let store = TestStore::new();
    let mut written = 0;
    while written < MESSAGES {
        let session = store.session(&written.to_string()).id;
        let texts = vec![NewMessage::user(session, "text"); 40];
        store
            .write_redoable(|tx| messages::append_all(tx, session, &texts))
            .unwrap();
        written += texts.len();
    }
    let model = use_model(&store, "large", 384);
    let pages = || {
        let raw = looker(store.file());
        let pages =
            "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
        column(&raw, pages)[0].parse::<usize>().unwrap()
    };
    let before = pages();
    loop {
        let batch = store.read(|tx| vectors::queued(tx, 64)).unwrap();
        if batch.is_empty() {
            break;
        }
        store
            .write_redoable(|tx| {
                for it in &batch {
                    let seed = it.message_id.get() as f32;
                    let vector: Vec<f32> =
                        (0..384).map(|at| (seed * 0.7 + at as f32).sin()).collect();
                    vectors::put(
                        tx,
                        model.id,
                        it.message_id,
                        it.text.len(),
                        &[chunk(&vector)],
                    )?;
                }
                Ok(())
            })
            .unwrap();
    }
    let bytes = (pages() - before) * 4096 / MESSAGES;
    assert!(bytes <= 900, "{bytes} bytes a message on disk");
    let check = store.read(vectors::check).unwrap();
    assert_eq!(
        (check.rows, check.in_memory, check.wrong),
        (MESSAGES, MESSAGES, 0)
    );
    let each = check.bytes as f64 / MESSAGES as f64;
    assert!(each <= 64.0, "{each} bytes a message in memory");
    assert!(each >= 60.0, "{each} bytes cannot hold what a code is");
}

#[test]
fn what_follows_a_message_into_the_trash_is_purged_with_its_vectors() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let other = store.session("Rice").id;
    let model = small_model(&store);
    for (session, count) in [(session, 5), (other, 3)] {
        for _ in 0..count {
            let message = say(&store, session, "Hi");
            assert!(put(
                &store,
                &model,
                &message,
                &[chunk(&[1.0; 3]), chunk(&[2.0, 1.0, 0.0])]
            ));
        }
    }
    assert_eq!(assert_in_step(&store), 16);
    store.write(|tx| sessions::delete(tx, session)).unwrap();
    assert_eq!(assert_in_step(&store), 6);
    let raw = looker(store.file());
    assert_eq!(column(&raw, "SELECT count(*) FROM message_vectors"), ["6"]);
    assert_eq!(column(&raw, "SELECT vectors FROM embedding_models"), ["6"]);
}
