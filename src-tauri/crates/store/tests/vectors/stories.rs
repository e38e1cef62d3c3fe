//! Any story of writes, deletions, failures and changes of model: after each step the memory holds what
//! the rows hold.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Say(Index),
    Reply,
    EndReplies,
    Resume(Index),
    Embed { most: usize, chunks: usize },
    EmbedAndFail,
    TrashMessage(Index),
    TrashSession(Index),
    DeleteSession(Index),
    Purge,
    Fork(Index),
    UseModel(usize),
    NoModel,
    Settle,
    Search,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        6 => index().prop_map(Step::Say),
        1 => Just(Step::Reply),
        1 => Just(Step::EndReplies),
        1 => index().prop_map(Step::Resume),
        6 => (1_usize..6, 0_usize..4).prop_map(|(most, chunks)| Step::Embed { most, chunks }),
        2 => Just(Step::EmbedAndFail),
        2 => index().prop_map(Step::TrashMessage),
        1 => index().prop_map(Step::TrashSession),
        1 => index().prop_map(Step::DeleteSession),
        2 => Just(Step::Purge),
        1 => index().prop_map(Step::Fork),
        2 => (0_usize..3).prop_map(Step::UseModel),
        1 => Just(Step::NoModel),
        2 => Just(Step::Settle),
        3 => Just(Step::Search),
        1 => Just(Step::Reopen),
    ]
}

const MODELS: [(&str, u32); 3] = [("small", 3), ("other", 3), ("larger", 70)];

struct Story {
    store: TestStore,
    written: usize,
}

impl Story {
    fn sessions(&self) -> Vec<SessionId> {
        let ids = column(
            &looker(self.store.file()),
            "SELECT id FROM sessions ORDER BY id",
        );
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    fn messages(&self, which: &str) -> Vec<MessageId> {
        let sql = format!("SELECT id FROM messages WHERE {which} ORDER BY id");
        let ids = column(&looker(self.store.file()), &sql);
        ids.iter()
            .map(|id| MessageId::new(id.parse().unwrap()))
            .collect()
    }

    fn visible(&self, at: Index) -> Option<MessageId> {
        let all = self.messages("deleted_at IS NULL");
        (!all.is_empty()).then(|| *at.get(&all))
    }

    fn append(&self, session: SessionId, status: MessageStatus) {
        let new = NewMessage {
            status,
            ..NewMessage::assistant(session, "words")
        };
        self.store.write(|tx| messages::append(tx, &new)).unwrap();
    }

    /// Embeds what is queued; the vectors are never the same.
    fn embed(&mut self, most: usize, chunks: usize, fail: bool) {
        let Some(model) = self.store.read(vectors::wanted).unwrap() else {
            return;
        };
        let queued = self.store.read(|tx| vectors::queued(tx, most)).unwrap();
        let written = self.store.write(|tx| {
            for message in &queued {
                let chunks: Vec<_> = (0..chunks)
                    .map(|part| {
                        self.written += 1;
                        let at = (self.written * 31 + part) as f32;
                        let numbers = (0..model.dimension).map(|it| (it as f32 + at).sin());
                        chunk(&numbers.collect::<Vec<_>>())
                    })
                    .collect();
                let bytes = message.text.len();
                assert!(vectors::put(
                    tx,
                    model.id,
                    message.message_id,
                    bytes,
                    &chunks
                )?);
            }
            if fail { Err(Error::Busy) } else { Ok(()) }
        });
        assert_eq!(written.is_err(), fail);
    }

    fn take(mut self, step: &Step) -> Self {
        self.store.clock.advance_ms(10);
        let store = &self.store;
        let sessions = self.sessions();
        match step {
            Step::Say(at) => self.append(*at.get(&sessions), MessageStatus::Complete),
            Step::Reply => self.append(sessions[0], MessageStatus::Streaming),
            Step::EndReplies => drop(store.write(messages::interrupt_streaming).unwrap()),
            Step::Resume(at) => {
                let cut = self.messages("status = 'interrupted' AND deleted_at IS NULL");
                if !cut.is_empty() {
                    store
                        .write(|tx| messages::resume(tx, *at.get(&cut)))
                        .unwrap();
                }
            }
            Step::Embed { most, chunks } => self.embed(*most, *chunks, false),
            Step::EmbedAndFail => self.embed(5, 2, true),
            Step::TrashMessage(at) => {
                if let Some(id) = self.visible(*at) {
                    store.write(|tx| trash::trash_message(tx, id)).unwrap();
                }
            }
            Step::TrashSession(at) => {
                let id = *at.get(&sessions);
                let _ = store.write(|tx| sessions::trash(tx, id));
            }
            Step::DeleteSession(at) if sessions.len() > 1 => {
                store
                    .write(|tx| sessions::delete(tx, *at.get(&sessions)))
                    .unwrap();
            }
            Step::DeleteSession(_) => {}
            Step::Purge => {
                store.write(|tx| trash::purge(tx, tx.now())).unwrap();
                self.store.session("another");
            }
            Step::Fork(at) => {
                if let Some(id) = self.visible(*at) {
                    store.write(|tx| branches::fork(tx, id)).unwrap();
                }
            }
            Step::UseModel(number) => {
                let (name, dimension) = MODELS[*number];
                use_model(store, name, dimension);
            }
            Step::NoModel => drop(store.write(vectors::no_model).unwrap()),
            Step::Settle => drop(store.write(vectors::settle).unwrap()),
            Step::Search => self.search(),
            Step::Reopen => self.store = self.store.reopened(),
        }
        self
    }

    fn search(&self) {
        if let Some(model) = self.store.read(vectors::serving).unwrap() {
            let query = vec![1.0; model.dimension as usize];
            let found = nearest(&self.store, &query, &NearestOptions::first(1000));
            let shown = "SELECT count(DISTINCT message_id)
                 FROM message_vectors
                 JOIN embedding_models ON embedding_models.id = message_vectors.model_id
                 JOIN messages ON messages.id = message_id
                 JOIN sessions ON sessions.id = session_id
                 WHERE state = 'serving' AND messages.deleted_at IS NULL
                     AND sessions.deleted_at IS NULL";
            let rows = column(&looker(self.store.file()), shown);
            assert_eq!(rows, [found.len().to_string()]);
        }
    }

    /// What the rows promise of each other, whether anyone has searched or not.
    fn assert_rows(&self) {
        let raw = looker(self.store.file());
        let counted = "SELECT embedding_models.id
             FROM embedding_models
             WHERE vectors <> (
                 SELECT count(*) FROM message_vectors WHERE model_id = embedding_models.id
             )";
        assert_eq!(column(&raw, counted), [""; 0], "counted wrong");
        let streaming = "SELECT id FROM messages
             WHERE status = 'streaming' AND (
                 id IN (SELECT message_id FROM message_vectors)
                 OR id IN (SELECT message_id FROM embedding_queue)
             )";
        assert_eq!(column(&raw, streaming), [""; 0], "streams");
        let wanted = self.store.read(vectors::wanted).unwrap();
        assert!(wanted.is_some() || column(&raw, "SELECT 1 FROM embedding_queue").is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_in_memory_is_what_the_rows_say_after_every_step(
        steps in prop::collection::vec(step(), 1..40),
        look_each_time in any::<bool>(),
    ) {
        let mut story = Story { store: TestStore::new(), written: 0 };
        story.store.session("first");
        use_model(&story.store, "small", 3);
        for step in &steps {
            story = story.take(step);
            story.assert_rows();
            if look_each_time {
                assert_in_step(&story.store);
            }
        }
        story.search();
        assert_in_step(&story.store);
        assert_sound(story.store.file());
        // In the end everything is embedded, and then everything is found.
        use_model(&story.store, "last", 5);
        story.store.write(messages::interrupt_streaming).unwrap();
        while !queue(&story.store).is_empty() {
            story.embed(10, 1, false);
        }
        settle(&story.store);
        let messages = story.messages("true").len();
        prop_assert_eq!(assert_in_step(&story.store), messages);
        story.search();
    }
}
