//! What is found by meaning, and what is recalled: on a real database with the real model.

use chatkeep_store::context::{Part, Reason, RecallFrom};
use chatkeep_store::search::{MessageHit, SearchMode, SearchRequest};
use chatkeep_store::{
    ContextItem, NewEndpoint, NewPin, PinScope, PinType, SessionId, endpoints, pins, settings,
};

use super::*;
use crate::finding::{self, LikeWhat};
use crate::requests::{self, Target};

const CAT: &str = "My kitten is called Mimi.";
const RENT: &str = "The rent is due on Monday.";
const RICE: &str = "We cook rice.";

fn ids(hits: &[MessageHit]) -> Vec<MessageId> {
    hits.iter().map(|hit| hit.message_id).collect()
}

async fn search(app: &App, text: &str, mode: SearchMode) -> (Vec<MessageId>, Vec<String>) {
    let request = SearchRequest {
        mode,
        ..SearchRequest::new(text)
    };
    let found = finding::search(&app.state, request).await.unwrap();
    let hints = found.hints.into_iter().map(|hint| hint.problem);
    (ids(&found.messages), hints.collect())
}

#[test]
fn by_meaning_is_found_what_has_none_of_the_words() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        let said = app.say(&[CAT, RENT, RICE]).await;
        app.until(is_done).await;
        let asked = "paying landlord";
        for mode in [SearchMode::Meaning, SearchMode::Both] {
            let (found, hints) = search(&app, asked, mode).await;
            assert_eq!((found.first(), hints), (Some(&said[1]), vec![]));
        }
        assert_eq!(search(&app, asked, SearchMode::Words).await.0, []);
    });
}

#[test]
fn without_a_model_a_search_by_meaning_finds_by_words_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), "/nowhere/models".into());
        let said = app.say(&[CAT, RENT]).await;
        for mode in [SearchMode::Meaning, SearchMode::Both] {
            let (found, hints) = search(&app, "rent", mode).await;
            assert_eq!(found, [said[1]]);
            assert!(hints[0].starts_with("This was found by words alone. No model"));
        }
        let like = LikeWhat::Message { id: said[0] };
        let error = finding::more_like(&app.state, like, 5).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::EmbeddingModel);
    });
}

/// The vectors are there, but what makes one of a question is not.
#[test]
fn with_the_model_gone_from_the_disk_a_search_says_which_and_finds_by_words() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        let said = app.say(&[CAT, RENT]).await;
        app.until(is_done).await;
        app.state.close().await;

        let again = App::open(folder.path(), "/nowhere/models".into());
        let (found, hints) = search(&again, "rent", SearchMode::Both).await;
        assert_eq!(found, [said[1]]);
        assert!(
            hints[0].contains("all-MiniLM-L6-v2 is not installed"),
            "{hints:?}"
        );
        // What has vectors needs no model to find more like it.
        let like = LikeWhat::Message { id: said[0] };
        let found = finding::more_like(&again.state, like, 5).await.unwrap();
        assert_eq!(ids(&found), [said[1]]);
    });
}

#[test]
fn more_like_a_message_or_a_pin_is_what_means_the_same_but_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        let said = app.say(&[CAT, RENT, "Our cat likes to sleep."]).await;
        app.until(is_done).await;
        let like = async |what| {
            let found = finding::more_like(&app.state, what, 2).await.unwrap();
            ids(&found)
        };
        let message = LikeWhat::Message { id: said[0] };
        assert_eq!(like(message).await, [said[2], said[1]]);

        let [cat, ..] = said[..] else { panic!() };
        let pin = move |tx: &chatkeep_store::WriteTx<'_>| {
            let new = NewPin {
                scope: PinScope::Session,
                session_id: messages::get(tx, cat)?.session_id,
                content: "Mimi is a cat.".to_owned(),
                source_message_id: Some(cat),
                pin_type: PinType::User,
            };
            pins::insert(tx, &new)
        };
        let pin = app.state.write(pin).await.unwrap();
        assert_eq!(like(LikeWhat::Pin { id: pin.id }).await, [said[2], said[1]]);
    });
}

/// What a session's model would be sent of these.
async fn planned(app: &App, session: SessionId, ids: &[MessageId]) -> Vec<ContextItem> {
    let model = app.state.write(|tx| {
        let new = NewEndpoint {
            kind: "openai_compatible".to_owned(),
            name: "Nobody".to_owned(),
            // Nothing is sent.
            base_url: "http://127.0.0.1:9/v1".to_owned(),
        };
        Ok(format!("{}/m", endpoints::insert(tx, &new)?.id))
    });
    let model = model.await.unwrap();
    let backend = app.state.backend();
    let plan = requests::plan(&backend, Target::Session(session), &model);
    let items = plan.await.unwrap().plan.items;
    let is_wanted = |it: &ContextItem| ids.iter().any(|id| it.id == id.to_string());
    items.into_iter().filter(is_wanted).collect()
}

async fn recall(app: &App, from: RecallFrom, percent: u32) {
    let change = move |tx: &chatkeep_store::WriteTx<'_>| {
        let mut all = settings::get(tx)?;
        (all.recall_from, all.recall_percent) = (from, percent);
        settings::update(tx, &all)
    };
    app.state.write(change).await.unwrap();
}

async fn session_of(app: &App, id: MessageId) -> SessionId {
    let get = app.state.read(move |tx| messages::get(tx, id));
    get.await.unwrap().session_id
}

#[test]
fn what_the_last_message_is_about_is_recalled_from_where_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), models());
        let elsewhere = app.say(&["The cat of my aunt is called Tom.", RICE]).await[0];
        let talk = [CAT, RENT, RICE, "Good.", "Yes.", "What is my cat called?"];
        let said = app.say(&talk).await;
        app.until(is_done).await;
        let here = session_of(&app, said[0]).await;
        let wanted = [elsewhere, said[0]];

        recall(&app, RecallFrom::ThisSession, 10).await;
        let items = planned(&app, here, &wanted).await;
        let [item] = &items[..] else {
            panic!("{items:?}")
        };
        assert_eq!((item.part, item.reason), (Part::Message, Reason::Recalled));
        assert!(item.score.is_some_and(|score| score.get() > 0.35));

        recall(&app, RecallFrom::EverySession, 10).await;
        let items = planned(&app, here, &wanted).await;
        let [there, item] = &items[..] else {
            panic!("{items:?}")
        };
        assert_eq!(
            (there.part, there.reason),
            (Part::Recalled, Reason::Recalled)
        );
        assert_eq!(item.reason, Reason::Recalled);
        let from = there.recalled_from.clone().unwrap();
        let source = session_of(&app, elsewhere).await;
        assert_eq!((from.session_id, from.message_id), (source, elsewhere));

        // Of the persona that neither has.
        recall(&app, RecallFrom::ThisPersona, 10).await;
        assert_eq!(planned(&app, here, &wanted).await.len(), 1);

        recall(&app, RecallFrom::EverySession, 0).await;
        let items = planned(&app, here, &wanted).await;
        assert_eq!((items.len(), items[0].reason), (1, Reason::Recent));
    });
}

#[test]
fn without_a_model_a_request_is_planned_with_nothing_recalled() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let app = App::open(folder.path(), "/nowhere/models".into());
        let said = app
            .say(&[CAT, RENT, RICE, "Good.", "What is my cat called?"])
            .await;
        let here = session_of(&app, said[0]).await;
        let items = planned(&app, here, &said[..1]).await;
        assert_eq!((items.len(), items[0].reason), (1, Reason::Recent));
    });
}
