//! The trash of messages: what moves up and comes back, and that a purge leaves no word behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use chatkeep_store::search::index;
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    DATABASE_FILE, Entity, Fact, FactKind, Message, MessageId, NewMessage, NewPin, NewSession,
    NewSummary, Parent, PinScope, PinSource, PinType, Purged, Result, Session, SessionId, WriteTx,
    branches, drafts, messages, pins, sessions, summaries, trash, vectors,
};

use tempfile::TempDir;

use crate::support::{
    assert_invalid, assert_missing, assert_sound, branch, changes, column, looker, refused, say,
    say_after, texts, touched,
};

mod stories;

const NOWHERE: MessageId = MessageId::new(987_654);
const DAY_MS: i64 = 86_400_000;

fn get(store: &TestStore, id: MessageId) -> Message {
    store.read(|tx| messages::get(tx, id)).unwrap()
}

/// Each a moment after what was before, as a person is.
fn trash_message(store: &TestStore, id: MessageId) -> Session {
    store.clock.advance_ms(10);
    store
        .write(|tx| trash::trash_message(tx, id))
        .unwrap()
        .value
}

fn trash_branch(store: &TestStore, id: MessageId) -> Session {
    store.clock.advance_ms(10);
    store.write(|tx| trash::trash_branch(tx, id)).unwrap().value
}

fn restore(store: &TestStore, id: MessageId) -> Session {
    store.write(|tx| trash::restore(tx, id)).unwrap().value
}

/// Purges what lies in the trash for this long or longer.
fn purge(store: &TestStore, ms: i64) -> Purged {
    store
        .write(|tx| trash::purge(tx, tx.now().plus_ms(-ms)))
        .unwrap()
        .value
}

fn shown(store: &TestStore, session: SessionId) -> Vec<String> {
    let branch = branch(store, session, 10);
    for (message, depth) in branch.iter().zip(1..) {
        assert_eq!(message.depth, depth, "{}", message.text);
    }
    texts(&branch).into_iter().map(str::to_owned).collect()
}

fn in_trash(store: &TestStore) -> Vec<String> {
    let list = store.read(trash::list).unwrap();
    list.into_iter().map(|it| it.beginning).collect()
}

/// root ─ middle ─┬─ left ─ leaf
///                └─ right
struct Tree {
    session: SessionId,
    root: Message,
    middle: Message,
    left: Message,
    right: Message,
}

fn tree(store: &TestStore) -> Tree {
    let session = store.session("Tea").id;
    let root = say(store, session, "root");
    let middle = say(store, session, "middle");
    let left = say(store, session, "left");
    say(store, session, "leaf");
    let right = say_after(store, session, Some(middle.id), "right");
    Tree {
        session,
        root,
        middle,
        left,
        right,
    }
}

#[test]
fn what_followed_a_message_moves_up_and_undo_puts_the_message_back_in_between() {
    let store = TestStore::new();
    tree(&store);
    let Tree {
        session,
        root,
        middle,
        left,
        right,
    } = tree(&store);
    let before = branch(&store, session, 10);

    let committed = store
        .write(|tx| trash::trash_message(tx, middle.id))
        .unwrap();

    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Message, left.id),
            touched(Entity::Message, right.id),
            touched(Entity::Message, middle.id),
            touched(Entity::Session, session),
        ]
    );
    assert_eq!(shown(&store, session), ["root", "right"]);
    assert_eq!(get(&store, left.id).parent_id, Some(root.id));
    let gone = get(&store, middle.id);
    assert_eq!(gone.deleted_at, Some(middle.created_at));
    assert_eq!(in_trash(&store), ["middle"]);

    let back = store.write(|tx| trash::restore(tx, middle.id)).unwrap();
    assert_eq!(back.head_id, Some(right.id));
    assert_eq!(branch(&store, session, 10), before);
    store.write(|tx| branches::show(tx, left.id)).unwrap();
    assert_eq!(shown(&store, session), ["root", "middle", "left", "leaf"]);
    assert_eq!(in_trash(&store), [""; 0]);
    let raw = looker(store.file());
    assert_eq!(column(&raw, "SELECT count(*) FROM moved_messages"), ["0"]);
}

#[test]
fn a_first_message_goes_and_comes_back_and_what_was_said_since_stays_beside_it() {
    let store = TestStore::new();
    let Tree { session, root, .. } = tree(&store);
    trash_message(&store, root.id);
    assert_eq!(shown(&store, session), ["middle", "right"]);
    say_after(&store, session, None, "since");
    assert_eq!(
        restore(&store, root.id).head_id,
        Some(head_of(&store, session))
    );
    assert_eq!(shown(&store, session), ["root", "middle", "right"]);
    let since = say_after(&store, session, None, "again");
    assert_eq!(since.parent_id, None);
}

fn head_of(store: &TestStore, session: SessionId) -> MessageId {
    let session = store.read(|tx| sessions::get(tx, session)).unwrap();
    session.head_id.unwrap()
}

#[test]
fn a_branch_goes_with_all_that_follows_and_the_head_goes_to_a_sibling_else_to_the_parent() {
    let store = TestStore::new();
    let Tree {
        session,
        middle,
        left,
        right,
        ..
    } = tree(&store);
    store.write(|tx| branches::show(tx, left.id)).unwrap();

    let after = trash_branch(&store, left.id);
    assert_eq!(after.head_id, Some(right.id));
    assert_eq!(shown(&store, session), ["root", "middle", "right"]);
    let after = trash_branch(&store, right.id);
    assert_eq!(after.head_id, Some(middle.id));
    assert_eq!(shown(&store, session), ["root", "middle"]);
    assert_eq!(in_trash(&store), ["right", "left"]);

    restore(&store, left.id);
    assert_eq!(shown(&store, session), ["root", "middle", "left", "leaf"]);
    restore(&store, right.id);
    assert_eq!(shown(&store, session), ["root", "middle", "right"]);
    assert_eq!(in_trash(&store), [""; 0]);
}

#[test]
fn a_branch_that_is_not_on_show_goes_without_a_change_of_what_is() {
    let store = TestStore::new();
    let Tree { left, right, .. } = tree(&store);
    store.clock.advance_ms(10);
    let committed = store.write(|tx| trash::trash_branch(tx, left.id)).unwrap();
    assert_eq!(committed.head_id, Some(right.id));
    assert_eq!(committed.updated_at, left.created_at);
    let leaf = MessageId::new(left.id.get() + 1);
    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Message, left.id),
            touched(Entity::Message, leaf),
            touched(Entity::Session, left.session_id),
        ]
    );
}

#[test]
fn the_last_message_leaves_an_empty_session_and_comes_back_to_it() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let only = say(&store, session, "only");
    assert_eq!(trash_message(&store, only.id).head_id, None);
    assert_eq!(shown(&store, session), [""; 0]);
    assert_eq!(restore(&store, only.id).head_id, Some(only.id));
    assert_eq!(get(&store, only.id), only);
}

#[test]
fn a_branch_takes_along_what_was_in_the_trash_before_and_gives_back_only_its_own() {
    let store = TestStore::new();
    let Tree {
        session,
        middle,
        left,
        right,
        ..
    } = tree(&store);
    trash_branch(&store, left.id);
    trash_branch(&store, middle.id);
    assert_eq!(in_trash(&store), ["middle", "left"]);
    assert_eq!(shown(&store, session), ["root"]);

    let error = refused(&store, |tx| trash::restore(tx, left.id));
    assert_invalid(&error, "message", "is in the trash; restore it first");
    let error = refused(&store, |tx| trash::restore(tx, right.id));
    assert_invalid(&error, "message", "is in the trash; restore it first");

    restore(&store, middle.id);
    assert_eq!(shown(&store, session), ["root", "middle", "right"]);
    assert_eq!(in_trash(&store), ["left"]);
    restore(&store, left.id);
    assert_eq!(shown(&store, session), ["root", "middle", "left", "leaf"]);
}

/// The place that a message moved up to moved up itself, and was lost on the way back.
#[test]
fn messages_that_were_deleted_one_above_the_other_come_back_between_their_neighbours() {
    for downwards in [true, false] {
        let store = TestStore::new();
        let session = store.session("Tea").id;
        let chain = ["0", "1", "2", "3", "4"].map(|text| say(&store, session, text));
        let mut gone = [chain[1].id, chain[2].id, chain[3].id];
        if !downwards {
            gone.reverse();
        }
        for id in gone {
            trash_message(&store, id);
        }
        assert_eq!(shown(&store, session), ["0", "4"]);
        // The first that can be restored, over and over.
        for expected in [["0", "1", "4"].as_slice(), &["0", "1", "2", "4"]] {
            let id = gone
                .iter()
                .position(|id| *id == chain[expected.len() - 2].id);
            restore(&store, gone[id.unwrap()]);
            assert_eq!(shown(&store, session), expected);
        }
        restore(&store, chain[3].id);
        assert_eq!(branch(&store, session, 10), chain);
    }
}

#[test]
fn a_message_that_comes_back_is_shown_also_where_another_branch_was() {
    let store = TestStore::new();
    let Tree {
        session,
        root,
        middle,
        ..
    } = tree(&store);
    trash_message(&store, middle.id);
    say_after(&store, session, Some(root.id), "elsewhere");
    assert_eq!(shown(&store, session), ["root", "elsewhere"]);
    restore(&store, middle.id);
    assert_eq!(shown(&store, session), ["root", "middle", "right"]);
}

#[test]
fn nothing_is_done_with_a_message_in_the_trash_but_to_restore_it() {
    let store = TestStore::new();
    let Tree {
        session,
        left,
        root,
        ..
    } = tree(&store);
    trash_branch(&store, left.id);
    let new = NewMessage {
        parent: Parent::After(Some(left.id)),
        ..NewMessage::user(session, "Hi")
    };
    let errors = [
        refused(&store, |tx| trash::trash_message(tx, left.id)),
        refused(&store, |tx| trash::trash_branch(tx, left.id)),
        refused(&store, |tx| branches::show(tx, left.id)),
        refused(&store, |tx| branches::fork(tx, left.id)),
        refused(&store, |tx| messages::append(tx, &new)),
        refused(&store, |tx| messages::list(tx, session, Some(left.id), 5)),
    ];
    for error in errors {
        assert_invalid(&error, "message", "is in the trash; restore it first");
    }
    let error = refused(&store, |tx| trash::restore(tx, root.id));
    assert_invalid(&error, "message", "is not in the trash");
    let verbs: [fn(&WriteTx<'_>, MessageId) -> Result<Session>; 5] = [
        trash::trash_message,
        trash::trash_branch,
        trash::restore,
        branches::show,
        branches::fork,
    ];
    for verb in verbs {
        let error = refused(&store, |tx| verb(tx, NOWHERE));
        assert_missing(&error, Entity::Message, NOWHERE);
    }
}

#[test]
fn the_list_has_what_was_deleted_the_last_first_but_not_of_sessions_in_the_trash() {
    let store = TestStore::new();
    let Tree { left, middle, .. } = tree(&store);
    let other = store.session("Rice").id;
    let long = say(&store, other, &"é".repeat(500));
    trash_branch(&store, left.id);
    trash_message(&store, long.id);
    trash_message(&store, middle.id);

    let list = store.read(trash::list).unwrap();
    let ids: Vec<_> = list.iter().map(|it| it.message_id).collect();
    assert_eq!(ids, [middle.id, long.id, left.id]);
    assert_eq!(list[1].session_name, "Rice");
    assert_eq!(list[1].session_id, other);
    assert_eq!(list[1].beginning, "é".repeat(200));
    assert_eq!(list[1].deleted_at, long.created_at.plus_ms(20));

    store.write(|tx| sessions::trash(tx, other)).unwrap();
    assert_eq!(in_trash(&store), ["middle", "left"]);
}

#[test]
fn a_purge_takes_what_is_in_the_trash_long_enough_and_nothing_else() {
    let store = TestStore::new();
    let Tree {
        session,
        middle,
        left,
        ..
    } = tree(&store);
    let other = store.session("Rice").id;
    store.write(|tx| sessions::trash(tx, other)).unwrap();
    trash_branch(&store, left.id);
    store.clock.advance_ms(30 * DAY_MS - 11);
    assert_eq!(purge(&store, 30 * DAY_MS), Purged::default());
    trash_message(&store, middle.id);

    let now = chatkeep_store::Clock::now(&store.clock);
    let due = store.read(|tx| trash::count_purgeable(tx, now, now.plus_ms(-30 * DAY_MS + 10)));
    assert_eq!(due.unwrap(), 3);
    let committed = store
        .write(|tx| trash::purge(tx, tx.now().plus_ms(-30 * DAY_MS + 10)))
        .unwrap();
    let expected = Purged {
        sessions: 1,
        messages: 2,
    };
    assert_eq!(committed.value, expected);
    let leaf = MessageId::new(left.id.get() + 1);
    assert_eq!(
        changes(&committed),
        [
            touched(Entity::Session, other),
            touched(Entity::Message, left.id),
            touched(Entity::Message, leaf),
        ]
    );
    assert_eq!(in_trash(&store), ["middle"]);
    restore(&store, middle.id);
    assert_eq!(shown(&store, session), ["root", "middle", "right"]);
    assert_sound(store.file());
}

/// The clock of a computer can be set back: then something is in the trash since before what is in it.
#[test]
fn a_purge_takes_a_whole_branch_also_where_a_part_of_it_seems_to_be_newer() {
    let store = TestStore::new();
    let Tree { middle, left, .. } = tree(&store);
    trash_branch(&store, left.id);
    store.clock.advance_ms(-5000);
    trash_branch(&store, middle.id);
    let purged = purge(&store, 0);
    assert_eq!((purged.sessions, purged.messages), (0, 4));
    assert_sound(store.file());
}

/// Whether any of the words is in the file or its log, as `cp` finds them while the store is open: to
/// open the file in this process would drop the locks that SQLite has on it.
fn on_disk(folder: &Path, words: &[String]) -> Vec<String> {
    in_files(copy_of(folder).path(), words)
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(folder.join("."))
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success());
    copy
}

/// The bytes of the file and its log.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let mut bytes = fs::read(folder.join(DATABASE_FILE)).unwrap();
    let log = folder.join(format!("{DATABASE_FILE}-wal"));
    bytes.extend(fs::read(log).unwrap_or_default());
    bytes
}

fn in_files(folder: &Path, words: &[String]) -> Vec<String> {
    let bytes = bytes_of(folder);
    let found = |word: &&String| bytes.windows(word.len()).any(|it| it == word.as_bytes());
    words.iter().filter(found).cloned().collect()
}

/// A word that is nowhere else, in a text that fills more than a page of the file.
fn word(number: usize) -> String {
    format!("qvortex{number:02}zumblefrink")
}

fn filled(number: usize) -> String {
    let tea = "tea and rice ".repeat(number * 200);
    format!("{tea}{}{tea}", word(number))
}

#[test]
fn after_a_purge_the_words_are_gone_from_the_bytes_on_disk() {
    let store = TestStore::new();
    let kept = tree(&store);
    let long = say_after(&store, kept.session, Some(kept.right.id), &filled(0));
    let alone = say(&store, kept.session, &filled(1));
    let lead = say(&store, kept.session, &filled(2));
    say(&store, kept.session, &filled(3));
    let session = |number: usize, saved: bool| {
        let session = store
            .write(|tx| {
                let new = NewSession {
                    saved,
                    ..NewSession::named(word(number))
                };
                sessions::insert(tx, &new)
            })
            .unwrap()
            .value
            .id;
        let first = say(&store, session, &filled(number + 1)).id;
        store
            .write(|tx| {
                sessions::set_recap(tx, session, Some(&word(number + 2)))?;
                drafts::set(tx, Some(session), &filled(number + 3))?;
                let pin = NewPin {
                    scope: PinScope::Session,
                    session_id: session,
                    content: filled(number + 4),
                    source_message_id: Some(first),
                    pin_type: PinType::User,
                };
                pins::insert(tx, &pin)?;
                let summary = NewSummary {
                    session_id: session,
                    summary: filled(number + 5),
                    start_message_id: first,
                    end_message_id: first,
                };
                summaries::insert(tx, &summary)
            })
            .unwrap();
        session
    };
    session(4, false);
    let trashed = session(10, true);
    let words: Vec<_> = (1..16).map(word).collect();
    assert_eq!(on_disk(store.folder(), &words), words);

    trash_message(&store, alone.id);
    trash_branch(&store, lead.id);
    store.write(|tx| sessions::trash(tx, trashed)).unwrap();
    store.clock.advance_ms(DAY_MS);
    let purged = purge(&store, DAY_MS);
    assert_eq!((purged.sessions, purged.messages), (2, 3));
    wipe(&store);

    assert_eq!(on_disk(store.folder(), &words), [""; 0]);
    // An index keeps of a word only what it has not in common with the one before it.
    let ends: Vec<_> = (1..10)
        .map(|number| format!("{number}zumblefrink"))
        .collect();
    assert_eq!(on_disk(store.folder(), &ends), [""; 0]);
    assert_eq!(on_disk(store.folder(), &[word(0)]), [word(0)]);
    assert_eq!(head_of(&store, kept.session), long.id);
    assert_sound(store.file());

    // Closed, the store tidies up once more; a second name of the file outlives its folder.
    let folder = tempfile::tempdir().unwrap();
    fs::hard_link(store.file(), folder.path().join(DATABASE_FILE)).unwrap();
    drop(store);
    assert_eq!(in_files(folder.path(), &words), [""; 0]);
    assert_eq!(in_files(folder.path(), &[word(0)]), [word(0)]);
}

#[test]
fn after_a_purge_of_messages_the_words_of_their_summaries_and_pins_are_gone_from_disk_too() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let ids = [1, 2, 3, 4].map(|number| say(&store, session, &filled(number)).id);
    let summary = |number: usize, at: usize| NewSummary {
        session_id: session,
        summary: filled(number),
        start_message_id: ids[at],
        end_message_id: ids[at],
    };
    let fact = |number: usize| Fact {
        text: filled(number),
        kind: FactKind::Fact,
    };
    store
        .write(|tx| {
            for at in 0..4 {
                summaries::insert(tx, &summary(5 + at, at))?;
                let source = [PinSource::Rule, PinSource::Model][at % 2];
                pins::insert_found(tx, ids[at], &[fact(9 + at)], source)?;
            }
            let mine = NewPin {
                scope: PinScope::Session,
                session_id: session,
                content: filled(13),
                source_message_id: Some(ids[1]),
                pin_type: PinType::User,
            };
            pins::insert(tx, &mine)?;
            let rejected = pins::list(tx, session)?;
            let rejected = rejected
                .iter()
                .find(|it| it.source_message_id == Some(ids[3]));
            pins::reject(tx, rejected.unwrap().id)
        })
        .unwrap();
    let words: Vec<_> = (1..=13).map(word).collect();
    assert_eq!(on_disk(store.folder(), &words), words);
    trash_message(&store, ids[1]);
    trash_branch(&store, ids[3]);
    // What was found in them counts no more, and is still there.
    let counting = store.read(|tx| pins::list(tx, session)).unwrap();
    assert_eq!(counting.len(), 3);
    store.clock.advance_ms(DAY_MS);
    purge(&store, DAY_MS);
    wipe(&store);
    // The pin that the user set is the user's own.
    let left = [1, 3, 5, 7, 9, 11, 13].map(word);
    assert_eq!(on_disk(store.folder(), &words), left);
    store.write(|tx| sessions::delete(tx, session)).unwrap();
    wipe(&store);
    assert_eq!(on_disk(store.folder(), &words), [""; 0]);
    assert_sound(store.file());
}

/// A vector tells much of the text that it is of.
#[test]
fn after_a_purge_the_vectors_are_gone_from_the_bytes_on_disk_with_their_messages() {
    let store = TestStore::new();
    let Tree {
        root, middle, left, ..
    } = tree(&store);
    let model = store
        .write(|tx| vectors::use_model(tx, "large", 384))
        .unwrap();
    for message in [&root, &middle, &left] {
        let seed = message.id.get() as f32;
        let chunk = vectors::Chunk {
            start: 0,
            vector: (0..384).map(|at| (at as f32 * seed).cos()).collect(),
        };
        let bytes = message.text.len();
        let chunks = [chunk.clone(), chunk];
        store
            .write(|tx| vectors::put(tx, model.id, message.id, bytes, &chunks))
            .unwrap();
    }
    let blob = |message: &Message| -> Vec<u8> {
        let sql = "SELECT vector FROM message_vectors WHERE message_id = ?1";
        let raw = looker(store.file());
        raw.query_row(sql, [message.id.get()], |row| row.get(0))
            .unwrap()
    };
    let blobs = [&root, &middle, &left].map(blob);
    let there = || {
        let bytes = bytes_of(copy_of(store.folder()).path());
        let is_there = |blob: &Vec<u8>| bytes.windows(blob.len()).any(|it| it == blob);
        blobs.each_ref().map(is_there)
    };
    assert_eq!(there(), [true; 3]);

    trash_message(&store, middle.id);
    trash_branch(&store, left.id);
    assert_eq!(there(), [true; 3]);
    purge(&store, 0);
    store.truncate_log().unwrap();
    assert_eq!(there(), [true, false, false]);
    assert_sound(store.file());
}

/// Takes what was deleted off the disk, as the app does after every purge.
fn wipe(store: &TestStore) {
    while !store.write(index::scrub).unwrap().value {}
    store.truncate_log().unwrap();
}
