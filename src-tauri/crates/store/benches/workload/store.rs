//! The workload through the store, as the app uses it.

use std::hint::black_box;
use std::path::Path;

use chatkeep_store::context::{self, ContextLimits, PlanOptions};
use chatkeep_store::search::index;
use chatkeep_store::{
    MessageId, NewMessage, NewPin, NewSession, NewSummary, OpenOptions, PinScope, PinType, Role,
    SessionId, Shelf, Store, Timestamp, WriteTx, messages, pins, sessions, summaries,
};
use serde_json::Value;

use crate::Result;
use crate::side::{
    CONTEXT, Durability, LISTED, Line, MODEL, OPENED, Side, appended_text, pin_text, summary_text,
};
use crate::timed;

pub(crate) struct StoreSide {
    pub(crate) store: Store,
    sessions: Vec<SessionId>,
    /// Whether the import leaves the index behind.
    pub(crate) is_deferred: bool,
}

impl StoreSide {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            store: OpenOptions::new(folder).open()?,
            sessions: Vec::new(),
            is_deferred: false,
        })
    }
}

impl Side for StoreSide {
    fn import(&mut self, batch: &[Line]) -> Result<()> {
        let (store, is_deferred) = (&self.store, self.is_deferred);
        let known = &mut self.sessions;
        store.write_redoable(|tx| match is_deferred {
            true => index::deferred(tx, || import(tx, known, batch)),
            false => index::together(tx, || import(tx, known, batch)),
        })?;
        Ok(())
    }

    fn furnish(&mut self) -> Result<()> {
        self.store.write_redoable(|tx| {
            for &session_id in &self.sessions {
                summarise(tx, session_id)?;
                for _ in 0..5 {
                    let (content, pin_type) = (pin_text(), PinType::User);
                    pins::insert(
                        tx,
                        &NewPin {
                            session_id,
                            scope: PinScope::Session,
                            content,
                            source_message_id: None,
                            pin_type,
                        },
                    )?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn append(&self, session: usize, durability: Durability) -> Result<()> {
        let new = NewMessage {
            model_id: Some(MODEL.to_owned()),
            token_usage: Some(50),
            ..NewMessage::user(self.sessions[session], appended_text())
        };
        let committed = match durability {
            Durability::Normal => self.store.write_redoable(|tx| messages::append(tx, &new)),
            Durability::Full => self.store.write(|tx| messages::append(tx, &new)),
        };
        black_box(committed?);
        Ok(())
    }

    fn open_session(&self, session: usize) -> Result<()> {
        let id = self.sessions[session];
        black_box(self.store.read(|tx| messages::list(tx, id, None, OPENED))?);
        Ok(())
    }

    fn list_sessions(&self) -> Result<()> {
        black_box(
            self.store
                .read(|tx| sessions::list(tx, Shelf::Active, None, LISTED))?,
        );
        Ok(())
    }

    fn build_context(&self, session: usize) -> Result<()> {
        let (messages, pins, summaries) = CONTEXT;
        let limits = ContextLimits {
            messages,
            pins,
            summaries,
        };
        let id = self.sessions[session];
        black_box(self.store.read(|tx| context::build(tx, id, limits))?);
        Ok(())
    }
}

/// Three summaries, of a third each of what is before the newest messages.
fn summarise(tx: &WriteTx<'_>, session_id: SessionId) -> chatkeep_store::Result<()> {
    let newest = messages::list(tx, session_id, None, CONTEXT.0)?.items;
    let before = newest.first().map(|it| it.id);
    let all = summaries::backlog(tx, session_id, before, u32::MAX)?.tokens;
    while let Some((start_message_id, end_message_id)) =
        summaries::backlog(tx, session_id, before, all / 3 + 1)?.next
    {
        let summary = summary_text();
        let new = NewSummary {
            session_id,
            summary,
            start_message_id,
            end_message_id,
        };
        summaries::insert(tx, &new)?;
    }
    Ok(())
}

fn import(
    tx: &WriteTx<'_>,
    known: &mut Vec<SessionId>,
    batch: &[Line],
) -> chatkeep_store::Result<()> {
    for lines in batch.chunk_by(|a, b| a.session == b.session) {
        if let Some(first) = lines.first().filter(|line| line.seq == 0) {
            let new = NewSession {
                model: Some(MODEL.to_owned()),
                ..NewSession::named(format!("Chat {}", first.session))
            };
            known.push(sessions::insert(tx, &new)?.id);
        }
        if let Some(&id) = known.last() {
            let new: Vec<_> = lines.iter().map(|line| new_message(id, line)).collect();
            messages::append_all(tx, id, &new)?;
        }
    }
    Ok(())
}

/// Messages of one branch that are planned.
const LONG_BRANCH: usize = 10_000;

/// What is sent of a branch of 10,000 messages: the rows, and the plan, as the app makes it before
/// every request.
pub(crate) fn plan_long_branch(folder: &Path) -> Result<Value> {
    let store = OpenOptions::new(folder).open()?;
    let id = store
        .write_redoable(|tx| {
            let id = sessions::insert(tx, &NewSession::named("Long"))?.id;
            let new = vec![NewMessage::user(id, appended_text()); LONG_BRANCH];
            messages::append_all(tx, id, &new)?;
            let last = sessions::get(tx, id)?.head_id.map_or(0, MessageId::get);
            for message in 1..=last {
                messages::set_token_count(tx, MessageId::new(message), 40)?;
            }
            summarise(tx, id)?;
            Ok(id)
        })?
        .value;
    timed(500, || {
        let context = store.read(|tx| context::build(tx, id, ContextLimits::default()))?;
        let count = |text: &str| u32::try_from(text.len() / 4).unwrap_or(u32::MAX);
        black_box(context::plan(&context, PlanOptions::within(100_000), count));
        Ok(())
    })
}

fn new_message(session_id: SessionId, line: &Line) -> NewMessage {
    let role = if line.role == "user" {
        Role::User
    } else {
        Role::Assistant
    };
    NewMessage {
        model_id: Some(MODEL.to_owned()),
        token_usage: Some(line.token_usage()),
        created_at: Some(Timestamp::from_ms(line.created_at)),
        ..NewMessage::new(session_id, role, line.text.as_str())
    }
}
