//! Recall: which old messages may come into a context, and how they do.

use chatkeep_store::context::recall::find;
use chatkeep_store::context::{
    self, ContextItem, ContextLimits, Part, PlanOptions, Reason, RecallFrom, Recalled,
    RecalledFrom, plan,
};
use chatkeep_store::testing::TestStore;
use chatkeep_store::vectors::{self, Chunk, EmbeddingModel};
use chatkeep_store::{
    Context, Exclusion, Message, MessageId, NewMessage, PersonaId, SessionId, messages, sessions,
    trash,
};

use crate::support::{say, say_after};

const TEA: [f32; 3] = [1.0, 0.0, 0.0];
const RICE: [f32; 3] = [0.0, 1.0, 0.0];

fn model(store: &TestStore) -> EmbeddingModel {
    store
        .write(|tx| vectors::use_model(tx, "small", 3))
        .unwrap()
        .value
}

fn embed(store: &TestStore, message: &Message, vector: [f32; 3]) {
    let model = model(store);
    let chunk = Chunk {
        start: 0,
        vector: vector.to_vec(),
    };
    let bytes = message.text.len();
    store
        .write(|tx| vectors::put(tx, model.id, message.id, bytes, &[chunk]))
        .unwrap();
}

fn said(store: &TestStore, session: SessionId, text: &str, vector: [f32; 3]) -> Message {
    let message = say(store, session, text);
    embed(store, &message, vector);
    message
}

/// The context of a session of which so many messages are read, with what is recalled for tea.
fn recalled(store: &TestStore, session: SessionId, read: usize, from: RecallFrom) -> Context {
    let limits = ContextLimits {
        messages: read,
        ..ContextLimits::default()
    };
    store
        .read(|tx| {
            let mut context = context::build(tx, session, limits)?;
            let session = sessions::get(tx, session)?;
            context.recalled = find(tx, &session, &context, &TEA, from)?;
            Ok(context)
        })
        .unwrap()
}

fn ids(context: &Context) -> Vec<MessageId> {
    context.recalled.iter().map(|it| it.message.id).collect()
}

#[test]
fn of_this_session_what_is_on_the_branch_is_recalled_but_not_the_question_itself() {
    let store = TestStore::new();
    model(&store);
    let session = store.session("Tea").id;
    let old = said(&store, session, "green tea steeps two minutes", TEA);
    let other = said(&store, session, "rice takes twenty", RICE);
    let retried = say_after(&store, session, Some(old.id), "another branch about tea");
    embed(&store, &retried, TEA);
    let gone = say_after(&store, session, Some(other.id), "gone");
    embed(&store, &gone, TEA);
    store.write(|tx| trash::trash_branch(tx, gone.id)).unwrap();
    let near = say_after(&store, session, Some(other.id), "tea with rice");
    embed(&store, &near, [0.8, 0.6, 0.0]);
    said(&store, session, "How long does tea steep?", TEA);

    // Whether the old ones are among those that were read or before them.
    for read in [2, 100] {
        let context = recalled(&store, session, read, RecallFrom::ThisSession);
        assert_eq!(ids(&context), [old.id, near.id], "{read} read");
        let scores: Vec<_> = context.recalled.iter().map(|it| it.score.get()).collect();
        assert!((scores[0] - 1.0).abs() < 1e-3 && (scores[1] - 0.8).abs() < 1e-3);
    }
}

#[test]
fn other_sessions_are_recalled_from_only_when_that_is_wanted() {
    let store = TestStore::new();
    model(&store);
    let session = store.session("Now").id;
    let alike = store.session("Same persona").id;
    let other = store.session("Other").id;
    let persona = PersonaId::new("default-local");
    for id in [session, alike] {
        store
            .write(|tx| sessions::set_persona(tx, id, Some(&persona)))
            .unwrap();
    }
    let there = said(&store, alike, "green tea", TEA);
    let elsewhere = said(&store, other, "black tea", TEA);
    said(&store, session, "tea?", TEA);

    let none = recalled(&store, session, 9, RecallFrom::ThisSession);
    assert_eq!(ids(&none), []);
    let persona = recalled(&store, session, 9, RecallFrom::ThisPersona);
    assert_eq!(ids(&persona), [there.id]);
    let every = recalled(&store, session, 9, RecallFrom::EverySession);
    assert_eq!(ids(&every), [elsewhere.id, there.id]);
    assert_eq!(every.recalled[0].session_name, "Other");
}

/// Of a session without a persona there are no others with the same one.
#[test]
fn a_session_without_a_persona_recalls_from_itself() {
    let store = TestStore::new();
    model(&store);
    let session = store.session("Now").id;
    said(&store, store.session("Other").id, "tea", TEA);
    let old = said(&store, session, "tea before", TEA);
    said(&store, session, "tea?", TEA);
    let found = recalled(&store, session, 9, RecallFrom::ThisPersona);
    assert_eq!(ids(&found), [old.id]);
}

#[test]
fn without_a_model_nothing_is_recalled() {
    let store = TestStore::new();
    let session = store.session("Now").id;
    say(&store, session, "tea");
    assert_eq!(
        ids(&recalled(&store, session, 9, RecallFrom::EverySession)),
        []
    );
}

#[test]
fn a_plan_sends_what_is_recalled_with_its_reason_and_score_before_what_is_only_recent() {
    let store = TestStore::new();
    model(&store);
    let session = store.session("Tea").id;
    let elsewhere = store.session("Notes").id;
    let note = said(&store, elsewhere, "green tea wants 80 degrees", TEA);
    let old = said(&store, session, "green tea steeps two minutes", TEA);
    let texts = vec![NewMessage::user(session, "so much else ".repeat(4)); 20];
    store
        .write(|tx| messages::append_all(tx, session, &texts))
        .unwrap();
    said(&store, session, "And tea?", TEA);

    let context = recalled(&store, session, 100, RecallFrom::EverySession);
    let count = |text: &str| u32::try_from(text.split_whitespace().count()).unwrap();
    let options = |recall_percent| PlanOptions {
        recall_percent,
        ..PlanOptions::within(100)
    };
    let made = plan(&context, options(20), count);
    let taken: Vec<_> = made
        .items
        .iter()
        .filter(|it| it.reason == Reason::Recalled)
        .collect();
    let parts: Vec<_> = taken.iter().map(|it| (it.part, it.id.clone())).collect();
    assert_eq!(
        parts,
        [
            (Part::Recalled, note.id.to_string()),
            (Part::Message, old.id.to_string())
        ]
    );
    assert!(
        taken
            .iter()
            .all(|it| it.score.is_some_and(|score| score.get() > 0.99))
    );
    assert!(made.used <= 100);
    // Where one goes for it; the other stands in the list of messages.
    let from = RecalledFrom {
        session_id: elsewhere,
        session_name: "Notes".to_owned(),
        message_id: note.id,
    };
    let told: Vec<_> = taken.iter().map(|it| it.recalled_from.clone()).collect();
    assert_eq!(told, [Some(from), None]);

    // Half the room is enough for one of them, and none for none.
    let taken = |percent| {
        let made = plan(&context, options(percent), count);
        let taken = made
            .items
            .into_iter()
            .filter(|it| it.reason == Reason::Recalled);
        taken.count()
    };
    assert_eq!([taken(10), taken(0)], [1, 0]);
}

#[test]
fn what_a_pin_says_already_is_not_recalled() {
    let store = TestStore::new();
    model(&store);
    let session = store.session("Tea").id;
    said(&store, session, "And tea?", TEA);
    let mut context = recalled(&store, session, 9, RecallFrom::ThisSession);
    let message = say(&store, store.session("Notes").id, "Green tea, always.");
    let pin = store
        .write(|tx| {
            let new = chatkeep_store::NewPin {
                scope: chatkeep_store::PinScope::Session,
                session_id: session,
                content: "Green tea, always.".to_owned(),
                source_message_id: None,
                pin_type: chatkeep_store::PinType::User,
            };
            chatkeep_store::pins::insert(tx, &new)
        })
        .unwrap();
    context.pins = vec![pin.value];
    context.recalled = vec![Recalled {
        message,
        session_name: "Notes".to_owned(),
        score: chatkeep_store::Score::new(0.9).unwrap(),
    }];
    let made = plan(&context, PlanOptions::within(1000), |_| 5);
    let item = made
        .items
        .iter()
        .find(|it| it.part == Part::Recalled)
        .unwrap();
    assert_eq!((item.included, item.reason), (false, Reason::NotNeeded));
}

/// "Leave out" of a recalled row once kept nothing out: it was refused, for a part that no row is kept
/// out as.
#[test]
fn what_is_left_out_as_recalled_stays_out_and_is_let_in_again() {
    let store = TestStore::new();
    model(&store);
    let session = store.session("Tea").id;
    let elsewhere = said(&store, store.session("Notes").id, "green tea", TEA);
    let old = said(&store, session, "black tea", TEA);
    said(&store, session, "tea?", TEA);
    let exclusion = |part, message: &Message| Exclusion {
        part,
        item_id: message.id.to_string(),
    };
    let set = |message, excluded| {
        let exclusion = exclusion(Part::Recalled, message);
        store
            .write(|tx| context::set_excluded(tx, session, &exclusion, excluded))
            .unwrap();
    };
    // Whether the old one is read with the session's messages or is before them.
    let items = |read| -> Vec<ContextItem> {
        let context = recalled(&store, session, read, RecallFrom::EverySession);
        let made = plan(&context, PlanOptions::within(1000), |_| 5).items;
        let wanted = [elsewhere.id.to_string(), old.id.to_string()];
        made.into_iter()
            .filter(|it| wanted.contains(&it.id))
            .collect()
    };
    let reasons = |read| -> Vec<_> { items(read).iter().map(|it| it.reason).collect() };

    set(&elsewhere, true);
    set(&old, true);
    for read in [1, 100] {
        assert_eq!(reasons(read), [Reason::LeftOut; 2], "{read} read");
        assert!(items(read).iter().all(|it| !it.included));
    }
    // It is the same when nothing is recalled any more.
    let bare = store
        .read(|tx| context::build(tx, session, ContextLimits::default()))
        .unwrap();
    let kept_out = [&elsewhere, &old].map(|it| exclusion(Part::Message, it));
    assert_eq!(bare.exclusions, kept_out.into());
    let made = plan(&bare, PlanOptions::within(1000), |_| 5);
    assert_eq!(made.items[0].reason, Reason::LeftOut);

    set(&elsewhere, false);
    set(&old, false);
    assert_eq!(reasons(1), [Reason::Recalled; 2]);
}
