//! Readers beside the writer, writes that fail or panic, and what a commit may be seen as.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Error, MessageStatus, NewMessage, NewSession, PersonaId, Result, SessionId, Shelf, Store,
    WriteTx, messages, personas, sessions,
};

use crate::support::{assert_sound, branch, dump, refused, shelf, texts};

const READERS: usize = 8;
const WRITES: u64 = 3000;

/// Tells the other threads of a scope to end, also where its own thread ends in a failed claim: the
/// scope waits for them.
struct EndOthers<'a>(&'a AtomicBool);

impl Drop for EndOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// One write: a message, and the number of messages as the session's recap.
fn say_and_count(tx: &WriteTx<'_>, id: SessionId) -> Result<()> {
    messages::append(tx, &NewMessage::user(id, "Hi"))?;
    let count = messages::count(tx)?.to_string();
    sessions::set_recap(tx, id, Some(&count)).map(drop)
}

/// What one snapshot shows: the number of messages, and the number that the recap tells.
fn look(store: &Store, id: SessionId) -> Result<(u64, u64)> {
    store.read(|tx| {
        let told = sessions::get(tx, id)?.recap;
        let count = messages::count(tx)?;
        Ok((count, told.map_or(0, |it| it.parse().unwrap())))
    })
}

#[test]
fn eight_readers_beside_a_writer_are_never_busy_and_each_sees_whole_commits_in_order() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let end_others = EndOthers(&done);
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut looks = 0_u64;
                    let mut last = 0;
                    while !done.load(Ordering::Acquire) || looks == 0 {
                        let (count, told) = look(&store, id).unwrap();
                        assert_eq!(count, told, "half a commit was seen");
                        assert!(count >= last, "a commit was unseen again");
                        (last, looks) = (count, looks + 1);
                    }
                    looks
                })
            })
            .collect();
        for number in 0..WRITES {
            // Both ways to commit, and one in ten that comes to nothing.
            let write = match number % 10 {
                0 => store.write(|tx| say_and_count(tx, id)),
                9 => {
                    let undone = store.write(|tx| {
                        say_and_count(tx, id)?;
                        personas::delete(tx, &PersonaId::new("ghost"))
                    });
                    assert!(matches!(undone, Err(Error::NotFound { .. })));
                    continue;
                }
                _ => store.write_redoable(|tx| say_and_count(tx, id)),
            };
            write.unwrap();
        }
        drop(end_others);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    assert_eq!(
        look(&store, id).unwrap(),
        (WRITES / 10 * 9, WRITES / 10 * 9)
    );
    assert_sound(store.file());
}

#[test]
fn writers_wait_for_each_other_and_no_write_is_lost() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                for _ in 0..50 {
                    store.write_redoable(|tx| say_and_count(tx, id)).unwrap();
                }
            });
        }
    });
    assert_eq!(look(&store, id).unwrap(), (400, 400));
    assert_eq!(branch(&store, id, 1000).len(), 400, "one line, no fork");
}

#[test]
fn pages_that_are_read_while_another_thread_appends_skip_and_repeat_nothing() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let new: Vec<_> = (0..200)
        .map(|number| NewMessage::user(id, number.to_string()))
        .collect();
    store
        .write(|tx| messages::append_all(tx, id, &new))
        .unwrap();
    let expected = branch(&store, id, 1000);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let end_others = EndOthers(&done);
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Acquire) {
                let new = NewMessage::user(id, "meanwhile");
                store
                    .write_redoable(|tx| messages::append(tx, &new))
                    .unwrap();
                written += 1;
            }
            written
        });
        for limit in [1, 7, 50, 3] {
            let all = branch(&store, id, limit);
            assert_eq!(all[..200], expected[..], "in pages of {limit}");
            assert!(all[200..].iter().all(|it| it.text == "meanwhile"));
            assert!(
                all.windows(2)
                    .all(|pair| pair[1].parent_id == Some(pair[0].id))
            );
        }
        drop(end_others);
        assert!(writer.join().unwrap() > 0);
    });
}

#[test]
fn sessions_that_no_thread_touches_are_seen_exactly_once_in_the_pages() {
    let store = TestStore::new();
    let all: Vec<_> = (0..60)
        .map(|it| store.session(&it.to_string()).id)
        .collect();
    let (restless, calm) = all.split_at(20);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let end_others = EndOthers(&done);
        let writer = scope.spawn(|| {
            for id in restless.iter().cycle() {
                store.clock.advance_ms(1);
                let new = NewMessage::user(*id, "Up!");
                store
                    .write_redoable(|tx| messages::append(tx, &new))
                    .unwrap();
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        for limit in [1, 2, 3, 7, 20] {
            let seen = shelf(&store, Shelf::Active, limit);
            let seen: Vec<_> = seen.iter().map(|it| it.id).collect();
            let calm_seen: Vec<_> = seen.iter().filter(|it| calm.contains(it)).collect();
            let once: BTreeSet<_> = calm_seen.iter().collect();
            assert_eq!((calm_seen.len(), once.len()), (40, 40), "by {limit}");
        }
        drop(end_others);
        writer.join().unwrap();
    });
}

#[test]
fn a_snapshot_stays_what_it_was_while_others_write() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    store
        .read(|tx| {
            let before = messages::list(tx, id, None, 10)?;
            thread::scope(|scope| {
                let writer = scope.spawn(|| store.write(|tx| say_and_count(tx, id)));
                writer.join().unwrap().unwrap();
            });
            assert_eq!(messages::list(tx, id, None, 10)?, before);
            assert_eq!(sessions::get(tx, id)?.recap, None);
            Ok(())
        })
        .unwrap();
    assert_eq!(look(&store, id).unwrap(), (1, 1));
}

#[test]
fn a_write_sees_what_it_wrote_and_nobody_else_does_before_it_is_committed() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    store
        .write(|tx| {
            say_and_count(tx, id)?;
            assert_eq!(messages::count(tx)?, 1);
            thread::scope(|scope| {
                let reader = scope.spawn(|| look(&store, id));
                assert_eq!(reader.join().unwrap().unwrap(), (0, 0));
            });
            Ok(())
        })
        .unwrap();
    assert_eq!(look(&store, id).unwrap(), (1, 1));
}

/// The tests' own words for a panic that is wanted.
const WANTED: &str = "a panic in the closure, as the test wants it";

#[test]
fn a_panic_in_a_write_leaves_nothing_and_the_store_goes_on() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let before = dump(store.file());
    for _ in 0..3 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.write(|tx| -> Result<()> {
                say_and_count(tx, id)?;
                panic!("{WANTED}");
            })
        }));
        assert!(panicked.is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.write_redoable(|tx| -> Result<()> {
                say_and_count(tx, id)?;
                panic!("{WANTED}");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(dump(store.file()), before);
    }
    store.write(|tx| say_and_count(tx, id)).unwrap();
    assert_eq!(look(&store, id).unwrap(), (1, 1));
    assert_sound(store.file());
}

#[test]
fn panics_in_more_reads_than_there_are_readers_leave_all_of_them_usable() {
    let store = TestStore::new();
    for _ in 0..20 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.read(|tx| -> Result<()> {
                sessions::count(tx)?;
                panic!("{WANTED}");
            })
        }));
        assert!(panicked.is_err());
    }
    let id = store.session("Tea").id;
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| assert_eq!(look(&store, id).unwrap(), (0, 0)));
        }
    });
}

#[test]
fn a_write_that_fails_at_its_end_takes_back_all_of_it() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let error = refused(&store, |tx| {
        sessions::rename(tx, id, "Renamed")?;
        say_and_count(tx, id)?;
        let other = sessions::insert(tx, &NewSession::named("Other"))?;
        sessions::delete(tx, id)?;
        sessions::rename(tx, other.id, "")
    });
    assert!(matches!(error, Error::Invalid { .. }));
    assert_eq!(shelf(&store, Shelf::Active, 10)[0].name, "Tea");
}

#[test]
fn a_redoable_write_is_there_for_readers_and_after_a_restart() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    let reply = NewMessage {
        status: MessageStatus::Streaming,
        ..NewMessage::assistant(id, "")
    };
    let reply = store.write(|tx| messages::append(tx, &reply)).unwrap().id;
    for piece in ["Two ", "minutes"] {
        store
            .write_redoable(|tx| messages::append_text(tx, reply, piece))
            .unwrap();
    }
    assert_eq!(texts(&branch(&store, id, 10)), ["Two minutes"]);
    let store = store.reopened();
    assert_eq!(texts(&branch(&store, id, 10)), ["Two minutes"]);
}

#[test]
fn a_write_inside_a_write_ends_as_busy_and_the_outer_one_goes_on() {
    let store = TestStore::new();
    let id = store.session("Tea").id;
    store
        .write(|tx| {
            let inner = store.write(|tx| say_and_count(tx, id));
            assert!(matches!(inner, Err(Error::Busy)), "{inner:?}");
            say_and_count(tx, id)
        })
        .unwrap();
    assert_eq!(look(&store, id).unwrap(), (1, 1));
}

/// Reads inside of each other until no connection is left, and what the innermost got.
fn read_within_reads(store: &Store, depth: usize) -> Result<usize> {
    store.read(|tx| {
        sessions::count(tx)?;
        match read_within_reads(store, depth + 1) {
            Err(Error::Busy) => Ok(depth),
            other => other,
        }
    })
}

#[test]
fn a_read_that_finds_every_reader_in_use_ends_as_busy_and_later_ones_do_not() {
    let store = TestStore::new();
    assert_eq!(read_within_reads(&store, 1).unwrap(), 4);
    assert_eq!(store.read(sessions::count).unwrap(), 0);
}
