//! Messages as vectors: what is queued, what is written, what is found, and that what is held in
//! memory is always what the rows say.

use chatkeep_store::testing::TestStore;
use chatkeep_store::vectors::{
    self, CHUNKS_MAX, Chunk, EmbeddingModel, Filter, ModelState, Nearest, NearestOptions,
};
use chatkeep_store::{
    Error, Message, MessageId, MessageStatus, NewMessage, NewSession, Role, SessionId, Store,
    branches, messages, sessions, trash,
};

use crate::support::{
    assert_invalid, assert_sound, column, intruder, looker, purge_message, refused, say, say_after,
};

mod lasting;
mod oracle;
mod stories;

/// A model with vectors of three numbers.
fn small_model(store: &Store) -> EmbeddingModel {
    use_model(store, "small", 3)
}

fn use_model(store: &Store, name: &str, dimension: u32) -> EmbeddingModel {
    store
        .write(|tx| vectors::use_model(tx, name, dimension))
        .unwrap()
        .value
}

fn chunk(vector: &[f32]) -> Chunk {
    Chunk {
        start: 0,
        vector: vector.to_vec(),
    }
}

fn put(store: &Store, model: &EmbeddingModel, message: &Message, chunks: &[Chunk]) -> bool {
    let bytes = message.text.len();
    store
        .write(|tx| vectors::put(tx, model.id, message.id, bytes, chunks))
        .unwrap()
        .value
}

fn nearest(store: &Store, query: &[f32], options: &NearestOptions) -> Vec<Nearest> {
    store
        .read(|tx| vectors::nearest(tx, query, options))
        .unwrap()
}

fn found(store: &Store, query: &[f32]) -> Vec<MessageId> {
    let found = nearest(store, query, &NearestOptions::first(100));
    found.iter().map(|it| it.message_id).collect()
}

fn queue(store: &Store) -> Vec<String> {
    let queued = store.read(|tx| vectors::queued(tx, 100)).unwrap();
    queued.into_iter().map(|it| it.text).collect()
}

/// What is in memory is what the rows say, and how many that are.
#[track_caller]
fn assert_in_step(store: &Store) -> usize {
    let check = store.read(vectors::check).unwrap();
    assert_eq!((check.in_memory, check.wrong), (check.rows, 0));
    check.rows
}

fn settle(store: &Store) {
    while store.write(vectors::settle).unwrap().value {}
}

#[test]
fn without_a_model_nothing_is_queued_and_nothing_found() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    say(&store, session, "How long?");
    assert_eq!(queue(&store), [""; 0]);
    assert_eq!(found(&store, &[1.0, 0.0]), []);
    let progress = store.read(vectors::progress).unwrap();
    assert_eq!(
        (progress.model, progress.queued, progress.messages),
        (None, 0, 1)
    );
    assert_eq!(assert_in_step(&store), 0);
}

#[test]
fn what_is_there_and_what_comes_is_queued_the_newest_first_until_it_is_put() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let first = say(&store, session, "first");
    say(&store, session, "second");
    let model = small_model(&store);
    assert_eq!((model.state, model.vectors), (ModelState::Serving, 0));
    say(&store, session, "third");
    assert_eq!(queue(&store), ["third", "second", "first"]);

    assert!(put(&store, &model, &first, &[chunk(&[1.0, 0.0, 0.0])]));
    assert_eq!(queue(&store), ["third", "second"]);
    let again = small_model(&store);
    assert_eq!((again.id, again.vectors), (model.id, 1));
    assert_eq!(queue(&store), ["third", "second"]);

    let store = store.reopened();
    assert_eq!(queue(&store), ["third", "second"]);
    let progress = store.read(vectors::progress).unwrap();
    assert_eq!((progress.queued, progress.messages), (2, 3));
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), [first.id]);
}

#[test]
fn a_reply_is_queued_when_it_ends_and_loses_its_vectors_when_it_goes_on() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let new = NewMessage {
        status: MessageStatus::Streaming,
        ..NewMessage::assistant(session, "Two")
    };
    let reply = store.write(|tx| messages::append(tx, &new)).unwrap().value;
    let end = |status| {
        store
            .write(|tx| messages::finish(tx, reply.id, status, None))
            .unwrap()
            .value
    };
    assert_eq!(queue(&store), [""; 0]);
    assert!(!put(&store, &model, &reply, &[chunk(&[1.0, 0.0, 0.0])]));

    let cut = end(MessageStatus::Interrupted);
    assert_eq!(queue(&store), ["Two"]);
    assert!(put(&store, &model, &cut, &[chunk(&[1.0, 0.0, 0.0])]));
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), [reply.id]);

    store.write(|tx| messages::resume(tx, reply.id)).unwrap();
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), []);
    assert_eq!(assert_in_step(&store), 0);
    store
        .write(|tx| messages::append_text(tx, reply.id, " minutes."))
        .unwrap();
    assert_eq!(queue(&store), [""; 0]);
    let whole = end(MessageStatus::Complete);
    assert_eq!(queue(&store), ["Two minutes."]);
    // What was embedded before it went on is not taken for it.
    assert!(!put(&store, &model, &cut, &[chunk(&[1.0, 0.0, 0.0])]));
    assert_eq!(queue(&store), ["Two minutes."]);
    assert!(put(&store, &model, &whole, &[chunk(&[0.0, 1.0, 0.0])]));
    assert_eq!(queue(&store), [""; 0]);
    assert_eq!(assert_in_step(&store), 1);
}

#[test]
fn replies_that_a_crash_cut_are_queued_at_start() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    small_model(&store);
    let new = NewMessage {
        status: MessageStatus::Streaming,
        ..NewMessage::assistant(session, "Two")
    };
    store.write(|tx| messages::append(tx, &new)).unwrap();
    store.write(messages::interrupt_streaming).unwrap();
    assert_eq!(queue(&store), ["Two"]);
}

#[test]
fn a_message_is_found_by_the_part_that_is_nearest_and_only_once() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let long = say(&store, session, "a long message about rice and tea");
    let short = say(&store, session, "short");
    let parts = [
        Chunk {
            start: 0,
            vector: vec![1.0, 0.0, 0.0],
        },
        Chunk {
            start: 23,
            vector: vec![0.0, 5.0, 0.0],
        },
    ];
    assert!(put(&store, &model, &long, &parts));
    assert!(put(&store, &model, &short, &[chunk(&[0.0, 1.0, 1.0])]));

    let all = nearest(&store, &[0.0, 2.0, 0.0], &NearestOptions::first(10));
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].message_id, all[0].start), (long.id, 23));
    assert_eq!(all[0].session_id, session);
    assert!((all[0].similarity - 1.0).abs() < 1e-3, "{all:?}");
    assert_eq!(all[1].message_id, short.id);
    assert!((all[1].similarity - 0.5_f64.sqrt()).abs() < 1e-3, "{all:?}");

    let strict = NearestOptions {
        threshold: 0.9,
        ..NearestOptions::first(10)
    };
    assert_eq!(nearest(&store, &[0.0, 2.0, 0.0], &strict).len(), 1);
    let one = NearestOptions::first(1);
    assert_eq!(
        nearest(&store, &[0.0, 2.0, 0.0], &one)[0].message_id,
        long.id
    );

    let more = store.read(|tx| vectors::of_message(tx, long.id)).unwrap();
    let more = more.unwrap();
    assert!(
        (more[0] - more[1]).abs() < 1e-3 && more[2].abs() < 1e-3,
        "{more:?}"
    );
    let none = store.read(|tx| vectors::of_message(tx, MessageId::new(99)));
    assert_eq!(none.unwrap(), None);
}

#[test]
fn a_message_without_anything_to_embed_leaves_the_queue() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let blank = say(&store, session, " ");
    assert!(put(&store, &model, &blank, &[]));
    assert_eq!(queue(&store), [""; 0]);
    assert_eq!(assert_in_step(&store), 0);
}

#[test]
fn what_is_no_vector_of_the_model_is_refused_and_nothing_is_written() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let message = say(&store, session, "Hi");
    let wrong = |chunks: &[Chunk]| {
        refused(&store, |tx| {
            vectors::put(tx, model.id, message.id, 2, chunks)
        })
    };
    let error = wrong(&[chunk(&[1.0, 0.0])]);
    assert_invalid(
        &error,
        "vector",
        "the model's vectors have 3 numbers, this one has 2",
    );
    let nowhere = "points nowhere: it is zero or not finite";
    assert_invalid(&wrong(&[chunk(&[0.0; 3])]), "vector", nowhere);
    assert_invalid(&wrong(&[chunk(&[f32::NAN, 1.0, 1.0])]), "vector", nowhere);
    assert_invalid(
        &wrong(&[chunk(&[f32::INFINITY, 1.0, 1.0])]),
        "vector",
        nowhere,
    );
    let many = vec![chunk(&[1.0, 0.0, 0.0]); CHUNKS_MAX + 1];
    assert_invalid(
        &wrong(&many),
        "chunks",
        "a message has at most 1000, not 1001",
    );

    // The largest numbers and the smallest are directions too.
    assert!(put(
        &store,
        &model,
        &message,
        &[chunk(&[f32::MAX, f32::MAX, 0.0])]
    ));
    assert!(put(
        &store,
        &model,
        &message,
        &[chunk(&[0.0, f32::MIN_POSITIVE, 0.0])]
    ));
    assert_eq!(found(&store, &[0.0, 1.0, 0.0]), [message.id]);

    let read = |query: &[f32], options: &NearestOptions| {
        store
            .read(|tx| vectors::nearest(tx, query, options))
            .unwrap_err()
    };
    let error = read(&[1.0], &NearestOptions::first(5));
    assert!(
        matches!(
            error,
            Error::Invalid {
                field: "vector",
                ..
            }
        ),
        "{error}"
    );
    let error = read(&[1.0, 0.0, 0.0], &NearestOptions::first(0));
    assert!(
        matches!(error, Error::Invalid { field: "limit", .. }),
        "{error}"
    );
    let strange = NearestOptions {
        threshold: f64::NAN,
        ..NearestOptions::first(5)
    };
    let error = read(&[1.0, 0.0, 0.0], &strange);
    assert!(
        matches!(
            error,
            Error::Invalid {
                field: "similarity",
                ..
            }
        ),
        "{error}"
    );
    let error = refused(&store, |tx| {
        vectors::nearest(tx, &[1.0, 0.0, 0.0], &NearestOptions::first(5))
    });
    assert_invalid(
        &error,
        "search by meaning",
        "looks at what was committed; it is not possible within a write",
    );
}

#[test]
fn a_model_has_a_name_and_a_possible_dimension() {
    let store = TestStore::new();
    for dimension in [0, 4097] {
        let error = refused(&store, |tx| vectors::use_model(tx, "mine", dimension));
        let limit = format!("must be between 1 and 4096, not {dimension}");
        assert_invalid(&error, "dimension", &limit);
    }
    let error = refused(&store, |tx| vectors::use_model(tx, " ", 3));
    assert_invalid(&error, "embedding model", "must not be empty");
}

#[test]
fn nothing_in_the_trash_is_found_and_it_is_again_once_restored() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let one = say(&store, session, "one");
    let two = say(&store, session, "two");
    for message in [&one, &two] {
        assert!(put(&store, &model, message, &[chunk(&[1.0, 0.0, 0.0])]));
    }
    let query = [1.0, 0.0, 0.0];
    store.write(|tx| trash::trash_message(tx, one.id)).unwrap();
    assert_eq!(found(&store, &query), [two.id]);
    store.write(|tx| sessions::trash(tx, session)).unwrap();
    assert_eq!(found(&store, &query), []);
    store.write(|tx| sessions::restore(tx, session)).unwrap();
    store.write(|tx| trash::restore(tx, one.id)).unwrap();
    assert_eq!(found(&store, &query), [two.id, one.id]);
    purge_message(&store, two.id);
    assert_eq!(found(&store, &query), [one.id]);
    assert_eq!(assert_in_step(&store), 1);
}

/// More of them than are read at once, so that the search has to go on.
#[test]
fn what_is_wanted_is_found_behind_any_number_of_nearer_ones_that_are_not_to_be_shown() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let model = small_model(&store);
    let far = say(&store, session, "far");
    assert!(put(&store, &model, &far, &[chunk(&[0.1, 1.0, 0.0])]));
    let gone = say(&store, session, "gone");
    for number in 0..300 {
        let last = say_after(&store, session, Some(gone.id), &number.to_string());
        assert!(put(&store, &model, &last, &[chunk(&[1.0, 0.0, 0.0])]));
    }
    store.write(|tx| trash::trash_branch(tx, gone.id)).unwrap();
    let parts = vec![chunk(&[1.0, 0.1, 0.0]); 300];
    let long = say(&store, session, "long");
    assert!(put(&store, &model, &long, &parts));

    let two = nearest(&store, &[1.0, 0.0, 0.0], &NearestOptions::first(2));
    let ids: Vec<_> = two.iter().map(|it| it.message_id).collect();
    assert_eq!(ids, [long.id, far.id]);
}

#[test]
fn another_model_takes_over_only_once_all_is_embedded_with_it() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let old = small_model(&store);
    let one = say(&store, session, "one");
    let two = say(&store, session, "two");
    for message in [&one, &two] {
        assert!(put(&store, &old, message, &[chunk(&[1.0, 0.0, 0.0])]));
    }
    let new = use_model(&store, "larger", 5);
    assert_eq!(new.state, ModelState::Building);
    assert_eq!(queue(&store), ["two", "one"]);
    settle(&store);
    let serving = || store.read(vectors::serving).unwrap().unwrap();
    let wanted = || store.read(vectors::wanted).unwrap().unwrap();
    assert_eq!((serving().id, wanted().id), (old.id, new.id));

    assert!(put(&store, &new, &two, &[chunk(&[1.0; 5])]));
    settle(&store);
    // The old one still finds all, and what it is given does not count for the new one.
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), [two.id, one.id]);
    assert!(put(&store, &old, &one, &[chunk(&[1.0, 0.0, 0.0])]));
    assert_eq!(queue(&store), ["one"]);

    assert!(put(&store, &new, &one, &[chunk(&[1.0; 5])]));
    settle(&store);
    assert_eq!((serving().id, serving().vectors), (new.id, 2));
    assert_eq!(found(&store, &[1.0; 5]), [two.id, one.id]);
    let raw = looker(store.file());
    assert_eq!(column(&raw, "SELECT count(*) FROM message_vectors"), ["2"]);
    assert_eq!(
        column(&raw, "SELECT name FROM embedding_models"),
        ["larger"]
    );
    assert_eq!(assert_in_step(&store), 2);
    let error = refused(&store, |tx| {
        vectors::put(tx, old.id, one.id, 3, &[chunk(&[1.0, 0.0, 0.0])])
    });
    assert_invalid(&error, "embedding model", "is not in use any more");
}

#[test]
fn a_change_of_model_that_is_called_off_leaves_only_what_the_old_one_missed() {
    let store = TestStore::new();
    let session = store.session("Tea").id;
    let old = small_model(&store);
    let one = say(&store, session, "one");
    assert!(put(&store, &old, &one, &[chunk(&[1.0, 0.0, 0.0])]));
    let new = use_model(&store, "larger", 5);
    let two = say(&store, session, "two");
    assert!(put(&store, &new, &two, &[chunk(&[1.0; 5])]));

    let back = small_model(&store);
    assert_eq!((back.id, back.state), (old.id, ModelState::Serving));
    assert_eq!(queue(&store), ["two"]);
    settle(&store);
    assert_eq!(found(&store, &[1.0, 0.0, 0.0]), [one.id]);
    assert_eq!(assert_in_step(&store), 1);

    store.write(vectors::no_model).unwrap();
    settle(&store);
    assert_eq!((queue(&store), found(&store, &[1.0; 3])), (vec![], vec![]));
    let raw = looker(store.file());
    assert_eq!(column(&raw, "SELECT count(*) FROM message_vectors"), ["0"]);
    assert_eq!(column(&raw, "SELECT count(*) FROM embedding_models"), ["0"]);
    assert_sound(store.file());
}

#[test]
fn filters_are_exact_to_the_millisecond_and_by_the_rows_of_now() {
    let store = TestStore::new();
    let model = small_model(&store);
    let session = store.session("Tea").id;
    let other = store.session("Rice").id;
    let early = say(&store, session, "early");
    store.clock.advance_ms(5);
    let late = store
        .write(|tx| messages::append(tx, &NewMessage::assistant(other, "late")))
        .unwrap()
        .value;
    for message in [&early, &late] {
        assert!(put(&store, &model, message, &[chunk(&[1.0, 0.0, 0.0])]));
    }
    let among = |filter: Filter| {
        let options = NearestOptions {
            filter,
            ..NearestOptions::first(10)
        };
        let found = nearest(&store, &[1.0, 0.0, 0.0], &options);
        found.iter().map(|it| it.message_id).collect::<Vec<_>>()
    };
    let none = Filter::default;
    assert_eq!(among(none()), [late.id, early.id]);
    assert_eq!(
        among(Filter {
            sessions: Some(vec![session]),
            ..none()
        }),
        [early.id]
    );
    assert_eq!(
        among(Filter {
            roles: Some(vec![Role::Assistant]),
            ..none()
        }),
        [late.id]
    );
    assert_eq!(
        among(Filter {
            after: Some(late.created_at),
            ..none()
        }),
        [late.id]
    );
    assert_eq!(
        among(Filter {
            before: Some(late.created_at),
            ..none()
        }),
        [early.id]
    );
    let next = late.created_at.plus_ms(1);
    assert_eq!(
        among(Filter {
            after: Some(next),
            ..none()
        }),
        []
    );
    assert_eq!(
        among(Filter {
            before: Some(next),
            ..none()
        }),
        [late.id, early.id]
    );

    // A session's persona is not among what is held in memory, so that it can change.
    let persona_id = chatkeep_store::PersonaId::new("default-local");
    let filter = Filter::of_persona(persona_id.clone());
    assert_eq!(among(filter.clone()), []);
    store
        .write(|tx| sessions::set_persona(tx, other, Some(&persona_id)))
        .unwrap();
    assert_eq!(among(filter), [late.id]);
}
