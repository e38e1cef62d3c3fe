//! The store beside a model of it: after every step of any story, both show the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    Change, Committed, Entity, Message, MessageId, MessageStatus, NewMessage, NewSession, Parent,
    Purged, Role, Session, SessionId, Shelf, Timestamp, messages, sessions, trash,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{assert_sound, branch, shelf};

/// One thing that a person, or the app, does. An `Index` chooses among what there is then.
#[derive(Debug, Clone)]
enum Step {
    Begin {
        saved: bool,
    },
    Rename(Index, String),
    SetPinned(Index, bool),
    SetArchived(Index, bool),
    SetSaved(Index, bool),
    Trash(Index),
    Restore(Index),
    DeleteSession(Index),
    Say(Index, String),
    /// A reply begins, at the head.
    Reply(Index),
    /// A sibling of a message that is there.
    Retry(Index),
    AppendText(Index, String),
    Finish(Index, MessageStatus),
    Resume(Index),
    TrashMessage(Index),
    TrashBranch(Index),
    Wait {
        ms: i64,
    },
    /// Of what is in the trash longer than that, and what expired.
    Purge {
        days: i64,
    },
    /// A start of the app: what still streams was cut.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let text = || prop_oneof![Just(String::new()), "\\PC{0,12}", Just("é\n🍵".to_owned())];
    let end = prop_oneof![
        Just(MessageStatus::Complete),
        Just(MessageStatus::Interrupted),
        Just(MessageStatus::Failed),
    ];
    prop_oneof![
        3 => any::<bool>().prop_map(|saved| Step::Begin { saved }),
        1 => (index(), "[a-zü🍵]{1,9}").prop_map(|(at, name)| Step::Rename(at, name)),
        2 => (index(), any::<bool>()).prop_map(|(at, on)| Step::SetPinned(at, on)),
        2 => (index(), any::<bool>()).prop_map(|(at, on)| Step::SetArchived(at, on)),
        1 => (index(), any::<bool>()).prop_map(|(at, on)| Step::SetSaved(at, on)),
        2 => index().prop_map(Step::Trash),
        1 => index().prop_map(Step::Restore),
        1 => index().prop_map(Step::DeleteSession),
        6 => (index(), text()).prop_map(|(at, text)| Step::Say(at, text)),
        4 => index().prop_map(Step::Reply),
        4 => index().prop_map(Step::Retry),
        4 => (index(), text()).prop_map(|(at, text)| Step::AppendText(at, text)),
        3 => (index(), end).prop_map(|(at, end)| Step::Finish(at, end)),
        2 => index().prop_map(Step::Resume),
        3 => index().prop_map(Step::TrashMessage),
        2 => index().prop_map(Step::TrashBranch),
        2 => (-5_i64..50_000_000).prop_map(|ms| Step::Wait { ms }),
        1 => (0_i64..3).prop_map(|days| Step::Purge { days }),
        1 => Just(Step::Reopen),
    ]
}

/// What the store should hold: sessions and messages as plain maps.
#[derive(Debug, Default)]
struct Model {
    now: i64,
    sessions: BTreeMap<SessionId, Session>,
    messages: BTreeMap<MessageId, Message>,
    last_message: Option<MessageId>,
}

const DAY_MS: i64 = 86_400_000;

impl Model {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now)
    }

    fn session_at(&self, index: Index) -> Option<SessionId> {
        let ids: Vec<_> = self.sessions.keys().copied().collect();
        (!ids.is_empty()).then(|| *index.get(&ids))
    }

    fn message_at(&self, index: Index, fits: impl Fn(&Message) -> bool) -> Option<MessageId> {
        let fitting = self.messages.values().filter(|it| fits(it));
        let ids: Vec<_> = fitting.map(|it| it.id).collect();
        (!ids.is_empty()).then(|| *index.get(&ids))
    }

    fn take_in(&mut self, message: &Message) {
        let now = self.now();
        let session = self.sessions.get_mut(&message.session_id).unwrap();
        session.head_id = Some(message.id);
        session.updated_at = session.updated_at.max(now);
        session.expires_at = (!session.saved).then(|| now.plus_ms(DAY_MS));
        self.messages.insert(message.id, message.clone());
        self.last_message = Some(message.id);
    }

    fn forget_session(&mut self, id: SessionId) {
        self.sessions.remove(&id);
        self.messages.retain(|_, it| it.session_id != id);
    }

    /// What follows it moves up; then it is in the trash.
    fn trash_message(&mut self, id: MessageId) {
        let parent = self.messages[&id].parent_id;
        for message in self.messages.values_mut() {
            if message.parent_id == Some(id) && message.deleted_at.is_none() {
                message.parent_id = parent;
            }
        }
        let now = self.now();
        self.messages.get_mut(&id).unwrap().deleted_at = Some(now);
        self.count_depths();
        self.leave(id);
    }

    /// It and all that follows it, on every branch, is in the trash.
    fn trash_branch(&mut self, id: MessageId) {
        let now = self.now();
        for it in self.below([id]) {
            let message = self.messages.get_mut(&it).unwrap();
            message.deleted_at.get_or_insert(now);
        }
        self.leave(id);
    }

    /// These messages and all that follows them. Ids grow along a branch.
    fn below(&self, from: impl IntoIterator<Item = MessageId>) -> BTreeSet<MessageId> {
        let mut found: BTreeSet<_> = from.into_iter().collect();
        for message in self.messages.values() {
            if message.parent_id.is_some_and(|it| found.contains(&it)) {
                found.insert(message.id);
            }
        }
        found
    }

    /// Shows the newest sibling's branch, or what was before, where a message that is gone was shown.
    fn leave(&mut self, gone: MessageId) {
        let gone = self.messages[&gone].clone();
        let head = self.sessions[&gone.session_id].head_id;
        if head.is_none_or(|head| self.messages[&head].deleted_at.is_none()) {
            return;
        }
        let mut shown = gone.parent_id;
        while let Some(child) = self.newest_child(gone.session_id, shown) {
            shown = Some(child);
        }
        self.sessions.get_mut(&gone.session_id).unwrap().head_id = shown;
    }

    fn newest_child(&self, session: SessionId, parent: Option<MessageId>) -> Option<MessageId> {
        let mut children = self.messages.values().rev();
        let newest = children.find(|it| {
            it.session_id == session && it.parent_id == parent && it.deleted_at.is_none()
        });
        newest.map(|it| it.id)
    }

    fn count_depths(&mut self) {
        let mut depths = BTreeMap::new();
        for message in self.messages.values_mut() {
            message.depth = 1 + message.parent_id.map_or(0, |parent| depths[&parent]);
            depths.insert(message.id, message.depth);
        }
    }

    fn shelf(&self, shelf: Shelf) -> Vec<Session> {
        let on_it = |it: &&Session| match shelf {
            Shelf::Active => it.archived_at.is_none() && it.deleted_at.is_none(),
            Shelf::Archived => it.archived_at.is_some() && it.deleted_at.is_none(),
            Shelf::Trash => it.deleted_at.is_some(),
        };
        let mut all: Vec<_> = self.sessions.values().filter(on_it).cloned().collect();
        all.sort_by_key(|it| Reverse((it.pinned, it.updated_at, it.id)));
        all
    }

    fn branch(&self, id: SessionId) -> Vec<Message> {
        let mut branch = Vec::new();
        let mut next = self.sessions[&id].head_id;
        while let Some(id) = next {
            let message = &self.messages[&id];
            branch.push(message.clone());
            next = message.parent_id;
        }
        branch.reverse();
        branch
    }

    /// Every row by what it is and its id, to see what a step changed.
    fn rows(&self) -> BTreeMap<(&'static str, String), String> {
        let sessions = self.sessions.values();
        let messages = self.messages.values();
        let sessions = sessions.map(|it| (("session", it.id.to_string()), format!("{it:?}")));
        // The depth follows from the parents, and is not told.
        let messages = messages.map(|it| {
            let told = Message {
                depth: 0,
                ..it.clone()
            };
            (("message", it.id.to_string()), format!("{told:?}"))
        });
        sessions.chain(messages).collect()
    }
}

/// Both, taking the same steps.
struct Pair {
    store: TestStore,
    model: Model,
    /// The last session that was begun since the start; ids sort as they were made from there on.
    last_session: Option<SessionId>,
    /// How many rows a page has.
    limit: usize,
}

impl Pair {
    fn new(limit: usize) -> Self {
        let store = TestStore::new();
        let now = store.write(|tx| Ok(tx.now())).unwrap().value.as_ms();
        let model = Model {
            now,
            ..Model::default()
        };
        Self {
            store,
            model,
            last_session: None,
            limit,
        }
    }

    /// Takes a step, and returns what the commit said that it changed.
    fn take(mut self, step: &Step) -> (Self, Vec<Change>) {
        let changes = match step {
            Step::Reopen => {
                self.store = self.store.reopened();
                self.last_session = None;
                self.interrupt_streaming()
            }
            Step::Wait { ms } => {
                self.store.clock.advance_ms(*ms);
                self.model.now += ms;
                Vec::new()
            }
            Step::Begin { saved } => self.begin(*saved),
            Step::Purge { days } => self.purge(*days),
            Step::DeleteSession(at) => self.delete_session(*at),
            Step::Say(at, text) => self.say(*at, text),
            Step::Reply(at) => self.reply(*at),
            Step::Retry(at) => self.retry(*at),
            Step::AppendText(at, text) => self.append_text(*at, text),
            Step::Finish(at, end) => self.finish(*at, *end),
            Step::Resume(at) => self.resume(*at),
            Step::TrashMessage(at) => self.trash_message(*at),
            Step::TrashBranch(at) => self.trash_branch(*at),
            on_session => self.update_session(on_session),
        };
        (self, changes)
    }

    fn begin(&mut self, saved: bool) -> Vec<Change> {
        let new = NewSession {
            saved,
            ..NewSession::named("New")
        };
        let committed = self.store.write(|tx| sessions::insert(tx, &new)).unwrap();
        let session = committed.value;
        assert_eq!(session.created_at, self.model.now());
        let expires = (!saved).then(|| self.model.now().plus_ms(DAY_MS));
        assert_eq!(session.expires_at, expires);
        let last = self.last_session.replace(session.id);
        assert!(last.is_none_or(|last| last < session.id));
        self.model.sessions.insert(session.id, session);
        committed.changes
    }

    /// The steps that set one field of a session.
    fn update_session(&mut self, step: &Step) -> Vec<Change> {
        let (Step::Rename(at, _)
        | Step::SetPinned(at, _)
        | Step::SetArchived(at, _)
        | Step::SetSaved(at, _)
        | Step::Trash(at)
        | Step::Restore(at)) = step
        else {
            panic!("{step:?} is not on a session");
        };
        let Some(id) = self.model.session_at(*at) else {
            return Vec::new();
        };
        let now = self.model.now();
        let model = self.model.sessions.get_mut(&id).unwrap();
        let committed = self.store.write(|tx| match step {
            Step::Rename(_, name) => {
                model.name.clone_from(name);
                sessions::rename(tx, id, name)
            }
            Step::SetPinned(_, pinned) => {
                model.pinned = *pinned;
                sessions::set_pinned(tx, id, *pinned)
            }
            Step::SetArchived(_, archived) => {
                model.archived_at = archived.then_some(now);
                sessions::set_archived(tx, id, *archived)
            }
            Step::SetSaved(_, saved) => {
                model.saved = *saved;
                model.expires_at = (!saved).then(|| now.plus_ms(DAY_MS));
                sessions::set_saved(tx, id, *saved)
            }
            Step::Trash(_) => {
                model.deleted_at = Some(now);
                sessions::trash(tx, id)
            }
            _ => {
                model.deleted_at = None;
                sessions::restore(tx, id)
            }
        });
        let committed = committed.unwrap();
        assert_eq!(&committed.value, model);
        committed.changes
    }

    fn delete_session(&mut self, at: Index) -> Vec<Change> {
        let Some(id) = self.model.session_at(at) else {
            return Vec::new();
        };
        self.model.forget_session(id);
        let committed = self.store.write(|tx| sessions::delete(tx, id));
        committed.unwrap().changes
    }

    fn purge(&mut self, days: i64) -> Vec<Change> {
        let now = self.model.now();
        let before = now.plus_ms(-days * DAY_MS);
        let over = |it: &&Session| {
            it.expires_at.is_some_and(|at| at <= now)
                || it.deleted_at.is_some_and(|at| at <= before)
        };
        let expired = self.model.sessions.values().filter(over);
        let expired: Vec<_> = expired.map(|it| it.id).collect();
        for id in &expired {
            self.model.forget_session(*id);
        }
        let trashed = self.model.messages.values();
        let trashed = trashed.filter(|it| it.deleted_at.is_some_and(|at| at <= before));
        let gone = self.model.below(trashed.map(|it| it.id));
        self.model.messages.retain(|id, _| !gone.contains(id));

        let committed = self.store.write(|tx| trash::purge(tx, before)).unwrap();
        let expected = Purged {
            sessions: expired.len(),
            messages: gone.len(),
        };
        assert_eq!(committed.value, expected);
        committed.changes
    }

    fn append(&mut self, new: &NewMessage, parent: Option<MessageId>) -> Vec<Change> {
        let Committed { value, changes } =
            self.store.write(|tx| messages::append(tx, new)).unwrap();
        assert!(self.model.last_message.is_none_or(|last| last < value.id));
        let expected = Message {
            id: value.id,
            uid: value.uid,
            session_id: new.session_id,
            parent_id: parent,
            role: new.role,
            text: new.text.clone(),
            model_id: None,
            token_usage: None,
            importance_score: chatkeep_store::Score::new(0.5).unwrap(),
            importance_by_user: false,
            token_count: None,
            status: new.status,
            depth: 1 + parent.map_or(0, |parent| self.model.messages[&parent].depth),
            deleted_at: None,
            created_at: self.model.now(),
        };
        assert_eq!(value, expected);
        self.model.take_in(&value);
        changes
    }

    fn say(&mut self, at: Index, text: &str) -> Vec<Change> {
        let Some(id) = self.model.session_at(at) else {
            return Vec::new();
        };
        let head = self.model.sessions[&id].head_id;
        self.append(&NewMessage::user(id, text), head)
    }

    fn reply(&mut self, at: Index) -> Vec<Change> {
        let Some(id) = self.model.session_at(at) else {
            return Vec::new();
        };
        let head = self.model.sessions[&id].head_id;
        let new = NewMessage {
            status: MessageStatus::Streaming,
            ..NewMessage::assistant(id, "")
        };
        self.append(&new, head)
    }

    fn retry(&mut self, at: Index) -> Vec<Change> {
        let Some(id) = self.model.message_at(at, |it| it.deleted_at.is_none()) else {
            return Vec::new();
        };
        let former = &self.model.messages[&id];
        let parent = former.parent_id;
        let new = NewMessage {
            parent: Parent::After(parent),
            ..NewMessage::new(former.session_id, former.role, "Once more")
        };
        self.append(&new, parent)
    }

    fn append_text(&mut self, at: Index, text: &str) -> Vec<Change> {
        let streams = |it: &Message| it.status == MessageStatus::Streaming;
        let Some(id) = self.model.message_at(at, streams) else {
            return Vec::new();
        };
        self.model.messages.get_mut(&id).unwrap().text += text;
        let committed = self
            .store
            .write_redoable(|tx| messages::append_text(tx, id, text));
        committed.unwrap().changes
    }

    fn finish(&mut self, at: Index, end: MessageStatus) -> Vec<Change> {
        let streams = |it: &Message| it.status == MessageStatus::Streaming;
        let Some(id) = self.model.message_at(at, streams) else {
            return Vec::new();
        };
        let model = self.model.messages.get_mut(&id).unwrap();
        model.status = end;
        model.token_usage = Some(7);
        let committed = self
            .store
            .write(|tx| messages::finish(tx, id, end, Some(7)))
            .unwrap();
        assert_eq!(&committed.value, model);
        committed.changes
    }

    fn resume(&mut self, at: Index) -> Vec<Change> {
        let can = |it: &Message| {
            it.role == Role::Assistant
                && matches!(
                    it.status,
                    MessageStatus::Interrupted | MessageStatus::Failed
                )
        };
        let Some(id) = self.model.message_at(at, can) else {
            return Vec::new();
        };
        let model = self.model.messages.get_mut(&id).unwrap();
        model.status = MessageStatus::Streaming;
        let committed = self.store.write(|tx| messages::resume(tx, id)).unwrap();
        assert_eq!(&committed.value, model);
        committed.changes
    }

    fn trash_message(&mut self, at: Index) -> Vec<Change> {
        let Some(id) = self.model.message_at(at, |it| it.deleted_at.is_none()) else {
            return Vec::new();
        };
        self.model.trash_message(id);
        let committed = self.store.write(|tx| trash::trash_message(tx, id)).unwrap();
        assert_eq!(&committed.value, &self.model.sessions[&committed.value.id]);
        committed.changes
    }

    fn trash_branch(&mut self, at: Index) -> Vec<Change> {
        let Some(id) = self.model.message_at(at, |it| it.deleted_at.is_none()) else {
            return Vec::new();
        };
        self.model.trash_branch(id);
        let committed = self.store.write(|tx| trash::trash_branch(tx, id)).unwrap();
        assert_eq!(&committed.value, &self.model.sessions[&committed.value.id]);
        committed.changes
    }

    fn interrupt_streaming(&mut self) -> Vec<Change> {
        let committed = self.store.write(messages::interrupt_streaming).unwrap();
        let mut expected = Vec::new();
        for message in self.model.messages.values_mut() {
            if message.status == MessageStatus::Streaming {
                message.status = MessageStatus::Interrupted;
                expected.push(message.clone());
            }
        }
        assert_eq!(committed.value, expected);
        committed.changes
    }

    /// Every list and every branch, each read in pages.
    fn assert_same(&self) {
        let Self {
            store,
            model,
            limit,
            ..
        } = self;
        for which in [Shelf::Active, Shelf::Archived, Shelf::Trash] {
            assert_eq!(shelf(store, which, *limit), model.shelf(which), "{which:?}");
        }
        for id in model.sessions.keys() {
            assert_eq!(branch(store, *id, *limit), model.branch(*id));
        }
        for message in model.messages.values() {
            let read = store.read(|tx| messages::get(tx, message.id)).unwrap();
            assert_eq!(&read, message);
        }
        let counts = store.read(|tx| Ok((sessions::count(tx)?, messages::count(tx)?)));
        let expected = (model.sessions.len() as u64, model.messages.len() as u64);
        assert_eq!(counts.unwrap(), expected);
    }
}

/// A commit names whatever is another than before, but for messages that went with their session;
/// and names nothing else than that and the one thing the step was on.
fn assert_named(
    before: &BTreeMap<(&'static str, String), String>,
    after: &BTreeMap<(&'static str, String), String>,
    sessions_gone: bool,
    changes: &[Change],
) {
    let named: BTreeSet<_> = changes
        .iter()
        .map(|it| (it.entity.as_str(), it.id.clone()))
        .collect();
    assert_eq!(named.len(), changes.len(), "each once: {changes:?}");
    let different: BTreeSet<_> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    let mut unnamed = different.difference(&named);
    let first = unnamed.find(|(entity, _)| !(sessions_gone && *entity == Entity::Message.as_str()));
    assert_eq!(first, None, "changed and not named");
    let too_many = named.difference(&different).count();
    assert!(too_many <= 1, "named and not changed: {named:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_story_leaves_the_store_and_the_model_alike(
        story in prop::collection::vec(step(), 1..40),
        limit in 1_usize..6,
    ) {
        let mut pair = Pair::new(limit);
        for step in story {
            let before = pair.model.rows();
            let changes;
            (pair, changes) = pair.take(&step);
            let sessions_gone = matches!(step, Step::DeleteSession(_) | Step::Purge { .. });
            assert_named(&before, &pair.model.rows(), sessions_gone, &changes);
            pair.assert_same();
        }
        assert_sound(pair.store.file());
        pair.store = pair.store.reopened();
        pair.assert_same();
    }
}
