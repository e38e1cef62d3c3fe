//! The context of a session: the newest messages of its branch, the top pins, the newest summaries.

use std::collections::HashSet;

use chatkeep_store::context::{self, ContextLimits, Part};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Context, Entity, Error, Exclusion, NewMessage, NewPin, NewSummary, Parent, PersonaId, PinScope,
    PinType, PinUpdate, Score, SessionId, branches, messages, personas, pins, sessions, summaries,
};

use crate::support::{
    assert_invalid, assert_missing, changes, missing_session, refused, say, say_after, texts,
    touched,
};

fn build(store: &TestStore, id: SessionId, messages: usize, pins: usize, sums: usize) -> Context {
    let limits = ContextLimits {
        messages,
        pins,
        summaries: sums,
    };
    store.read(|tx| context::build(tx, id, limits)).unwrap()
}

/// Six messages, one of them on another branch, three pins and three summaries.
fn talked(store: &TestStore) -> SessionId {
    let session = store.session("Tea").id;
    store
        .write(|tx| {
            let first = messages::append(tx, &NewMessage::user(session, "0"))?.id;
            messages::append(tx, &NewMessage::user(session, "elsewhere"))?;
            let sibling = NewMessage {
                parent: Parent::After(Some(first)),
                ..NewMessage::user(session, "1")
            };
            let second = messages::append(tx, &sibling)?.id;
            let third = messages::append(tx, &NewMessage::user(session, "2"))?.id;
            for text in ["3", "4"] {
                messages::append(tx, &NewMessage::user(session, text))?;
            }
            for (content, score) in [("low", 0.1), ("high", 0.9), ("middle", 0.5)] {
                let new = NewPin {
                    scope: PinScope::Session,
                    session_id: session,
                    content: content.to_owned(),
                    source_message_id: None,
                    pin_type: PinType::User,
                };
                let pin = pins::insert(tx, &new)?;
                let update = PinUpdate {
                    content: pin.content,
                    importance_score: Score::new(score)?,
                    pin_type: pin.pin_type,
                };
                pins::update(tx, pin.id, &update)?;
            }
            for (text, message) in [("oldest", first), ("older", second), ("newest", third)] {
                let new = NewSummary {
                    session_id: session,
                    summary: text.to_owned(),
                    start_message_id: message,
                    end_message_id: message,
                };
                summaries::insert(tx, &new)?;
            }
            Ok(())
        })
        .unwrap();
    session
}

fn contents(context: &Context) -> (Vec<&str>, Vec<&str>, Vec<&str>) {
    let pins = context.pins.iter().map(|it| it.content.as_str());
    let summaries = context.summaries.iter().map(|it| it.summary.as_str());
    (
        texts(&context.messages),
        pins.collect(),
        summaries.collect(),
    )
}

#[test]
fn a_context_has_the_branch_on_show_oldest_first_the_top_pins_and_the_newest_summaries() {
    let store = TestStore::new();
    let other = talked(&store);
    let session = talked(&store);
    let context = build(&store, session, 100, 100, 100);
    assert_eq!(
        contents(&context),
        (
            vec!["0", "1", "2", "3", "4"],
            vec!["high", "middle", "low"],
            vec!["newest", "older", "oldest"],
        )
    );
    assert!(context.messages.iter().all(|it| it.session_id == session));
    assert_eq!(
        contents(&build(&store, other, 100, 100, 100)),
        contents(&context)
    );
}

#[test]
fn limits_keep_the_newest_messages_the_top_pins_and_the_newest_summaries() {
    let store = TestStore::new();
    let session = talked(&store);
    assert_eq!(
        contents(&build(&store, session, 2, 1, 2)),
        (vec!["3", "4"], vec!["high"], vec!["newest", "older"])
    );
    assert_eq!(
        contents(&build(&store, session, 0, 0, 0)),
        (vec![], vec![], vec![])
    );
}

#[test]
fn a_session_without_a_word_has_an_empty_context_and_a_missing_one_has_none() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let empty = Context {
        persona: None,
        messages: vec![],
        pins: vec![],
        summaries: vec![],
        recalled: vec![],
        exclusions: HashSet::new(),
    };
    assert_eq!(build(&store, session, 10, 10, 10), empty);
    let limits = ContextLimits {
        messages: 1,
        pins: 1,
        summaries: 1,
    };
    let error = store
        .read(|tx| context::build(tx, missing_session(), limits))
        .unwrap_err();
    assert_missing(&error, Entity::Session, missing_session());
}

#[test]
fn a_context_has_the_persona_of_the_session() {
    let store = TestStore::new();
    let session = talked(&store);
    let cloud = PersonaId::new("default-cloud");
    store
        .write(|tx| sessions::set_persona(tx, session, Some(&cloud)))
        .unwrap();
    let persona = build(&store, session, 1, 1, 1).persona.unwrap();
    assert_eq!(persona, store.read(|tx| personas::get(tx, &cloud)).unwrap());
}

#[test]
fn what_is_kept_out_is_told_for_its_session_alone_until_it_is_let_in() {
    let store = TestStore::new();
    let (session, other) = (talked(&store), talked(&store));
    let [pin, message] = [(Part::Pin, "a"), (Part::Message, "7")].map(|(part, id)| Exclusion {
        part,
        item_id: id.to_owned(),
    });
    let set = |exclusion: &Exclusion, excluded: bool| {
        let committed = store
            .write(|tx| context::set_excluded(tx, session, exclusion, excluded))
            .unwrap();
        assert_eq!(changes(&committed), [touched(Entity::Session, session)]);
        build(&store, session, 1, 1, 1).exclusions
    };
    set(&pin, true);
    assert_eq!(
        set(&message, true),
        HashSet::from([pin.clone(), message.clone()])
    );
    set(&pin, true);
    assert_eq!(build(&store, other, 1, 1, 1).exclusions, HashSet::new());
    assert_eq!(set(&pin, false), HashSet::from([message.clone()]));
    assert_eq!(set(&message, false), HashSet::new());
}

#[test]
fn the_prompt_is_not_kept_out_and_nothing_is_of_a_missing_session() {
    let store = TestStore::new();
    let session = talked(&store);
    let exclusion = |part| Exclusion {
        part,
        item_id: "default-cloud".to_owned(),
    };
    let error = refused(&store, |tx| {
        context::set_excluded(tx, session, &exclusion(Part::System), true)
    });
    let limit = "the persona's prompt is always sent; choose another persona";
    assert_invalid(&error, "part", limit);
    let error = refused(&store, |tx| {
        context::set_excluded(tx, missing_session(), &exclusion(Part::Pin), true)
    });
    assert_missing(&error, Entity::Session, missing_session());
}

#[test]
fn a_summary_counts_on_the_branches_that_hold_its_whole_range() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let root = say(&store, session, "root");
    let left = say(&store, session, "left");
    let right = say_after(&store, session, Some(root.id), "right");
    for (text, message) in [("of both", &root), ("of left", &left), ("of right", &right)] {
        let new = NewSummary {
            session_id: session,
            summary: text.to_owned(),
            start_message_id: message.id,
            end_message_id: message.id,
        };
        store.clock.advance_ms(1);
        store.write(|tx| summaries::insert(tx, &new)).unwrap();
    }
    for _ in 0..20 {
        say(&store, session, "on");
    }
    // Also where the range lies before the messages that are read.
    for messages in [1, 5, 100] {
        let context = build(&store, session, messages, 0, 10);
        assert_eq!(contents(&context).2, ["of right", "of both"]);
    }
    store.write(|tx| branches::show(tx, left.id)).unwrap();
    let context = build(&store, session, 100, 0, 10);
    assert_eq!(contents(&context).2, ["of left", "of both"]);
    assert_eq!(context.older_messages(), 0);
    assert_eq!(build(&store, session, 1, 0, 0).older_messages(), 1);
}

#[test]
fn a_limit_that_sqlite_cannot_count_to_is_not_told_as_damage() {
    let store = TestStore::new();
    let session = talked(&store);
    let limits = ContextLimits {
        messages: usize::MAX,
        pins: 1,
        summaries: 1,
    };
    let error = store
        .read(|tx| context::build(tx, session, limits))
        .unwrap_err();
    assert!(matches!(error, Error::Sqlite(_)), "{error:?}");
}
