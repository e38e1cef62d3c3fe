//! The command palette's quick search: what comes of each kind, in what order, and how much of it.

use std::collections::HashSet;

use chatkeep_store::search::{NoteKind, PaletteResults, SnippetPart, palette};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    NewMessage, NewPin, NewSession, PinScope, PinType, messages, personas, pins, sessions, trash,
};

use super::{find, now};
use crate::support::say;

fn look(store: &TestStore, text: &str) -> PaletteResults {
    let now = now(store);
    store.read(|tx| palette(tx, text, now)).unwrap()
}

fn plain(parts: &[SnippetPart]) -> String {
    parts.iter().map(|it| it.text.as_str()).collect()
}

fn marked(parts: &[SnippetPart]) -> Vec<&str> {
    let marked = parts.iter().filter(|it| it.is_match);
    marked.map(|it| it.text.as_str()).collect()
}

fn session_names(store: &TestStore, text: &str) -> Vec<String> {
    let found = look(store, text).sessions;
    found.iter().map(|it| plain(&it.name)).collect()
}

fn persona_names(store: &TestStore, text: &str) -> Vec<String> {
    let found = look(store, text).personas;
    found.iter().map(|it| plain(&it.name)).collect()
}

fn message_texts(store: &TestStore, text: &str) -> Vec<String> {
    let found = look(store, text).messages;
    found.iter().map(|it| plain(&it.snippet)).collect()
}

fn persona(store: &TestStore, name: &str) {
    store
        .write(|tx| {
            let some = personas::list(tx)?.swap_remove(0).fields;
            let name = name.to_owned();
            personas::insert(tx, &personas::PersonaFields { name, ..some })
        })
        .unwrap();
}

/// Sessions, each used later than the one before it.
fn with_sessions(names: &[&str]) -> TestStore {
    let store = TestStore::new();
    for name in names {
        store.clock.advance_ms(1000);
        store.session(name);
    }
    store
}

#[test]
fn a_session_whose_name_begins_so_comes_before_one_with_it_further_in() {
    let store = with_sessions(&[
        "Tea",
        "🍵 Teapots",
        "Green tea",
        "Steamed rice",
        "Teas of Assam",
        "Coffee",
    ]);
    let whole = [
        "Teas of Assam",
        "🍵 Teapots",
        "Tea",
        "Green tea",
        "Steamed rice",
    ];
    assert_eq!(session_names(&store, "TEA"), whole);
    // A single letter is in nearly every name, and still means a beginning.
    assert_eq!(session_names(&store, "t"), whole);
    assert_eq!(session_names(&store, "te"), whole);
    // A space ends the word.
    assert_eq!(
        session_names(&store, "tea "),
        [
            "Tea",
            "Green tea",
            "Teas of Assam",
            "🍵 Teapots",
            "Steamed rice"
        ]
    );
    assert_eq!(
        session_names(&store, "assam tea"),
        ["Teas of Assam"],
        "words in any order"
    );
    let hit = &look(&store, "gre te").sessions[0];
    assert_eq!(marked(&hit.name), ["Gre", "te"]);
}

#[test]
fn a_session_is_found_by_its_recap_behind_those_with_the_word_in_their_names() {
    let store = with_sessions(&["Kettles"]);
    let by_recap = store.session("Kitchen").id;
    store.clock.advance_ms(1000);
    store
        .write(|tx| sessions::set_recap(tx, by_recap, Some("Which kettle to buy")))
        .unwrap();
    assert_eq!(session_names(&store, "kettle"), ["Kettles", "Kitchen"]);
}

#[test]
fn a_persona_whose_name_begins_so_comes_first_and_no_more_than_five_come() {
    let store = TestStore::new();
    for name in ["A steady hand", "Master of tea", "Tea master", "Zen"] {
        persona(&store, name);
    }
    assert_eq!(
        persona_names(&store, "tea"),
        ["Tea master", "Master of tea", "A steady hand"]
    );
    assert_eq!(persona_names(&store, "máster tea").len(), 2);
    assert_eq!(persona_names(&store, "kettle"), [""; 0]);
    for number in 0..9 {
        persona(&store, &format!("A tea taster {number}"));
    }
    let found = persona_names(&store, "tea");
    assert_eq!(found.len(), 5);
    assert_eq!(found[0], "Tea master");
}

#[test]
fn of_sessions_and_messages_no_more_than_eight_come() {
    let store = TestStore::new();
    for number in 0..20 {
        store.clock.advance_ms(1000);
        let session = store.session(&format!("Tea {number}")).id;
        say(&store, session, &format!("tea of {number}"));
    }
    let found = look(&store, "tea");
    assert_eq!(found.sessions.len(), 8);
    assert_eq!(plain(&found.sessions[0].name), "Tea 19");
    assert_eq!(found.messages.len(), 8);
    // Of as good messages the shorter come first, and none is there twice.
    let texts = message_texts(&store, "tea");
    assert_eq!(texts[..2], ["tea of 9", "tea of 8"]);
    assert_eq!(texts.iter().collect::<HashSet<_>>().len(), 8);
}

#[test]
fn while_nothing_is_typed_the_latest_sessions_are_shown_and_nothing_else() {
    let store = TestStore::new();
    for number in 0..10 {
        store.clock.advance_ms(1000);
        let session = store.session(&format!("Session {number}")).id;
        say(&store, session, "tea");
    }
    for nothing in ["", "  ", "\n"] {
        let found = look(&store, nothing);
        let names: Vec<_> = found.sessions.iter().map(|it| plain(&it.name)).collect();
        let latest: Vec<_> = (2..10).rev().map(|it| format!("Session {it}")).collect();
        assert_eq!(names, latest);
        assert!(found.sessions.iter().all(|it| marked(&it.name).is_empty()));
        assert_eq!((found.personas, found.messages), (vec![], vec![]));
    }
}

#[test]
fn the_last_word_may_be_unfinished_and_filters_leave_only_messages() {
    let store = with_sessions(&["Kitchen"]);
    let session = look(&store, "").sessions[0].session_id;
    say(&store, session, "steep the green tea");
    let reply = NewMessage::assistant(session, "two minutes for tea");
    store.write(|tx| messages::append(tx, &reply)).unwrap();

    assert_eq!(message_texts(&store, "gre"), ["steep the green tea"]);
    assert_eq!(message_texts(&store, "gre te"), [""; 0]);
    assert_eq!(message_texts(&store, "green te"), ["steep the green tea"]);
    assert_eq!(message_texts(&store, "te ").len(), 0);
    let found = look(&store, "role:assistant te");
    assert_eq!(marked(&found.messages[0].snippet), ["tea"]);
    assert_eq!(found.messages.len(), 1);
    let only_filtered = look(&store, "role:user");
    assert_eq!(only_filtered.messages.len(), 1);
    assert_eq!(
        (only_filtered.sessions, only_filtered.personas),
        (vec![], vec![])
    );
}

#[test]
fn the_trash_is_passed_over_the_archive_is_marked_and_what_is_temporary_is_found_while_it_lasts() {
    let store = TestStore::new();
    let trashed = store.session("Tea in the trash").id;
    let archived = store.session("Tea put aside").id;
    let new = NewSession {
        saved: false,
        ..NewSession::named("Tea for now")
    };
    let temporary = store
        .write(|tx| sessions::insert(tx, &new))
        .unwrap()
        .value
        .id;
    for session in [trashed, archived, temporary] {
        say(&store, session, "kettle");
    }
    let gone = say(&store, archived, "kettle in the trash");
    store
        .write(|tx| {
            sessions::trash(tx, trashed)?;
            sessions::set_archived(tx, archived, true)?;
            trash::trash_message(tx, gone.id)
        })
        .unwrap();
    let found = look(&store, "tea").sessions;
    let ids: Vec<_> = found
        .iter()
        .map(|it| (it.session_id, it.is_archived))
        .collect();
    assert_eq!(ids, [(temporary, false), (archived, true)]);
    let messages = look(&store, "kettle").messages;
    let of: Vec<_> = messages.iter().map(|it| it.session_id).collect();
    assert_eq!(of, [temporary, archived]);
    // Nothing typed: what is put aside is not offered.
    assert_eq!(session_names(&store, ""), ["Tea for now"]);

    store.clock.advance_ms(30 * 86_400_000);
    store.write(|tx| trash::purge(tx, tx.now())).unwrap();
    assert_eq!(session_names(&store, "tea"), ["Tea put aside"]);
    assert_eq!(message_texts(&store, "kettle"), ["kettle"]);

    store.write(|tx| sessions::trash(tx, archived)).unwrap();
    let nothing = look(&store, "kettle tea");
    assert_eq!((nothing.sessions, nothing.messages), (vec![], vec![]));
}

#[test]
fn a_session_is_found_however_many_pins_have_its_word() {
    let store = with_sessions(&["Tea"]);
    let session_id = look(&store, "").sessions[0].session_id;
    store
        .write(|tx| {
            for number in 0..600 {
                let new = NewPin {
                    session_id,
                    scope: PinScope::Session,
                    content: format!("Likes tea number {number}"),
                    source_message_id: None,
                    pin_type: PinType::User,
                };
                pins::insert(tx, &new)?;
            }
            Ok(())
        })
        .unwrap();
    for typed in ["t", "te", "tea", "ea"] {
        assert_eq!(session_names(&store, typed), ["Tea"], "{typed}");
    }
    let notes = find(&store, "tea").notes;
    assert_eq!(notes[0].session_name, "Tea");
    assert_eq!(notes[0].kind, NoteKind::Session);
}

#[test]
fn inside_words_a_short_word_beside_a_longer_one_is_found_in_old_sessions_too() {
    let mut names = vec!["Steamed rice"];
    names.extend(["Boats"; 600]);
    let store = with_sessions(&names);
    assert_eq!(session_names(&store, "ea ice"), ["Steamed rice"]);
    assert_eq!(session_names(&store, "ea"), [""; 0], "not among the newest");
}
