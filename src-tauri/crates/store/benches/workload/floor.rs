//! The floor: the store's own SQL, on its own schema and pragmas, through bare rusqlite. Statements
//! are prepared before anything is timed, columns are read by position, ids are counted up, nothing
//! is checked and nobody is told.
//!
//! A statement that changes in the store changes here too; otherwise the ratio means nothing.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use chatkeep_store::{DATABASE_FILE, OpenOptions};
use rusqlite::{Connection, Params, Row, Statement, named_params};

use crate::Result;
use crate::side::{
    CONTEXT, Durability, LISTED, Line, MODEL, OPENED, Side, appended_text, pin_text, summary_text,
};

const PRAGMAS: &str = "
    PRAGMA foreign_keys = ON;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -8192;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA mmap_size = 0;
    PRAGMA journal_size_limit = 67108864;";

/// Keeps the triggers from what a batch inserts, which is indexed when all of it is there.
const PASS_OVER: &str = "
    INSERT INTO search_pending (first_id, last_id)
    SELECT -9223372036854775808, coalesce(min(id), 0) - 1 FROM search_notes;
    INSERT INTO search_pending (first_id, last_id)
    SELECT coalesce(max(seq), 0) + 1, 9223372036854775807
    FROM sqlite_sequence
    WHERE name = 'messages';";

const INDEX_BATCH: &str = "
    INSERT INTO search_words (rowid, text)
    SELECT id, text FROM search_note_texts WHERE id <= (SELECT min(last_id) FROM search_pending);
    INSERT INTO search_parts (rowid, padded)
    SELECT id, text || '  '
    FROM search_note_texts
    WHERE id <= (SELECT min(last_id) FROM search_pending);
    INSERT INTO search_words (rowid, text)
    SELECT id, text FROM messages WHERE id >= (SELECT max(first_id) FROM search_pending)
    ORDER BY id;
    INSERT INTO search_parts (rowid, padded)
    SELECT id, text || '  ' FROM messages WHERE id >= (SELECT max(first_id) FROM search_pending)
    ORDER BY id;
    DELETE FROM search_pending;";

/// A message with its columns as SQLite has them.
struct Message {
    _id: i64,
    _uid: String,
    _session_id: String,
    _parent_id: Option<i64>,
    _role: String,
    _text: String,
    _model_id: Option<String>,
    _token_usage: Option<u32>,
    _importance_score: f64,
    _importance_by_user: bool,
    _token_count: Option<u32>,
    _status: String,
    _depth: u32,
    _deleted_at: Option<i64>,
    _created_at: i64,
}

/// A session with its columns as SQLite has them.
struct Session {
    _id: String,
    _name: String,
    _model: Option<String>,
    _recap: Option<String>,
    _persona_id: Option<String>,
    _saved: bool,
    _expires_at: Option<i64>,
    _head_id: Option<i64>,
    _archived_at: Option<i64>,
    _deleted_at: Option<i64>,
    _pinned: bool,
    _created_at: i64,
    _updated_at: i64,
}

/// A pin with its columns as SQLite has them.
struct Pin {
    _id: String,
    _scope: String,
    _session_id: Option<String>,
    _persona_id: Option<String>,
    _content: String,
    _source_message_id: Option<i64>,
    _importance_score: f64,
    _pin_type: String,
    _source: String,
    _rule: Option<String>,
    _created_at: i64,
}

/// A summary with its columns as SQLite has them.
struct Summary {
    _id: String,
    _session_id: String,
    _summary: String,
    _message_count: u32,
    _start_message_id: i64,
    _end_message_id: i64,
    _importance_score: f64,
    _origin: String,
    _model_id: Option<String>,
    _whole: bool,
    _created_at: i64,
}

/// An exclusion with its columns as SQLite has them.
struct Exclusion {
    _part: String,
    _item_id: String,
}

/// Prepared once; each is named after what it does.
struct Statements {
    begin: Statement<'static>,
    begin_immediate: Statement<'static>,
    commit: Statement<'static>,
    rollback: Statement<'static>,
    insert_session: Statement<'static>,
    get_session: Statement<'static>,
    list_sessions: Statement<'static>,
    head: Statement<'static>,
    depth_below: Statement<'static>,
    insert_message: Statement<'static>,
    set_head: Statement<'static>,
    branch: Statement<'static>,
    pins: Statement<'static>,
    summaries: Statement<'static>,
    exclusions: Statement<'static>,
}

pub(crate) struct FloorSide {
    connection: &'static Connection,
    statements: RefCell<Statements>,
    synchronous: Cell<Durability>,
    sessions: Vec<Rc<str>>,
    ids: Cell<u64>,
}

impl FloorSide {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        // The store makes the file; nobody else has this schema.
        drop(OpenOptions::new(folder).open()?);
        // Statements borrow their connection, and both last as long as the process.
        let connection: &'static Connection =
            Box::leak(Box::new(Connection::open(folder.join(DATABASE_FILE))?));
        connection.execute_batch(PRAGMAS)?;
        Ok(Self {
            connection,
            statements: RefCell::new(Statements::prepare(connection)?),
            synchronous: Cell::new(Durability::Normal),
            sessions: Vec::new(),
            ids: Cell::new(0),
        })
    }

    /// As long, and in as good an order for an index, as a UUIDv7.
    fn next_id(&self) -> String {
        self.ids.set(self.ids.get() + 1);
        format!("01900000-0000-7000-8000-{:012x}", self.ids.get())
    }

    /// Three summaries, of a third each of what is before the newest messages.
    fn summarise(&self, session: &str) -> Result<()> {
        let mut ids = self
            .connection
            .prepare_cached("SELECT id FROM messages WHERE session_id = ?1 ORDER BY id")?;
        let mut ids: Vec<i64> = rows(&mut ids, [session], |row| row.get(0))?;
        ids.truncate(ids.len().saturating_sub(CONTEXT.0));
        for covered in ids.chunks(ids.len().div_ceil(3).max(1)) {
            let id = self.next_id();
            self.connection.execute(
                "INSERT INTO conversation_summaries
                     (id, session_id, summary, message_count, start_message_id, end_message_id,
                      created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    &*id,
                    session,
                    summary_text(),
                    covered.len(),
                    covered.first(),
                    covered.last(),
                    now(),
                ),
            )?;
            let mut note = self.connection.prepare_cached(
                "INSERT INTO summary_messages (summary_id, message_id) VALUES (?1, ?2)",
            )?;
            for message in covered {
                note.execute((&*id, message))?;
            }
        }
        Ok(())
    }

    /// Once for all the commits that follow.
    fn set_synchronous(&self, durability: Durability) -> Result<()> {
        if self.synchronous.replace(durability) != durability {
            let setting = if durability == Durability::Full {
                "FULL"
            } else {
                "NORMAL"
            };
            self.connection
                .pragma_update(None, "synchronous", setting)?;
        }
        Ok(())
    }
}

impl Side for FloorSide {
    fn import(&mut self, batch: &[Line]) -> Result<()> {
        let mut statements = self.statements.borrow_mut();
        statements.begin_immediate.execute([])?;
        self.connection.execute_batch(PASS_OVER)?;
        for lines in batch.chunk_by(|a, b| a.session == b.session) {
            if let Some(first) = lines.first().filter(|line| line.seq == 0) {
                let id = self.next_id();
                statements.insert_session.execute(named_params! {
                    ":id": id, ":name": format!("Chat {}", first.session), ":model": MODEL,
                    ":persona_id": None::<String>, ":saved": true, ":expires_at": None::<i64>,
                    ":now": now(),
                })?;
                self.sessions.push(id.into());
            }
            let Some(session) = self.sessions.last() else {
                continue;
            };
            let mut place = statements.place(session)?;
            for line in lines {
                let row = NewRow {
                    session,
                    role: &line.role,
                    text: &line.text,
                    token_usage: line.token_usage(),
                    created_at: line.created_at,
                };
                place = statements.insert(self.next_id(), place, &row, self.connection)?;
            }
            statements.set_head(session, place.parent)?;
        }
        self.connection.execute_batch(INDEX_BATCH)?;
        statements.commit.execute([])?;
        Ok(())
    }

    fn furnish(&mut self) -> Result<()> {
        let mut statements = self.statements.borrow_mut();
        statements.begin_immediate.execute([])?;
        for session in &self.sessions {
            self.summarise(session)?;
            for _ in 0..5 {
                self.connection.execute(
                    "INSERT INTO semantic_pins (id, session_id, content, pin_type, created_at)
                     VALUES (?1, ?2, ?3, 'user', ?4)",
                    (self.next_id(), &**session, pin_text(), now()),
                )?;
            }
        }
        statements.commit.execute([])?;
        Ok(())
    }

    fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn append(&self, session: usize, durability: Durability) -> Result<()> {
        self.set_synchronous(durability)?;
        let session = &self.sessions[session];
        let mut statements = self.statements.borrow_mut();
        statements.begin_immediate.execute([])?;
        let place = statements.place(session)?;
        let row = NewRow {
            session,
            role: "user",
            text: &appended_text(),
            token_usage: 50,
            created_at: now(),
        };
        let next = statements.insert(self.next_id(), place, &row, self.connection)?;
        statements.set_head(session, next.parent)?;
        statements.commit.execute([])?;
        Ok(())
    }

    fn open_session(&self, session: usize) -> Result<()> {
        let session = &self.sessions[session];
        let mut statements = self.statements.borrow_mut();
        statements.begin.execute([])?;
        let head: Option<i64> = statements.head.query_row([&**session], |row| row.get(0))?;
        black_box(statements.branch(session, head, OPENED)?);
        statements.rollback.execute([])?;
        Ok(())
    }

    fn list_sessions(&self) -> Result<()> {
        let mut statements = self.statements.borrow_mut();
        statements.begin.execute([])?;
        let first_page = named_params! { ":limit": LISTED };
        black_box(rows(
            &mut statements.list_sessions,
            first_page,
            session_row,
        )?);
        statements.rollback.execute([])?;
        Ok(())
    }

    fn build_context(&self, session: usize) -> Result<()> {
        let session = &self.sessions[session];
        let (messages, pins, summaries) = CONTEXT;
        let mut statements = self.statements.borrow_mut();
        statements.begin.execute([])?;
        let found = statements
            .get_session
            .query_row([&**session], session_row)?;
        black_box(statements.branch(session, found._head_id, messages)?);
        black_box(rows(
            &mut statements.summaries,
            (&**session, found._head_id, summaries),
            summary_row,
        )?);
        let persona = &found._persona_id;
        black_box(rows(
            &mut statements.pins,
            (&**session, persona, pins),
            pin_row,
        )?);
        black_box(rows(
            &mut statements.exclusions,
            [&**session],
            exclusion_row,
        )?);
        statements.rollback.execute([])?;
        Ok(())
    }
}

/// Where a message goes.
struct Place {
    parent: Option<i64>,
    depth: u32,
}

/// A message to be inserted.
struct NewRow<'a> {
    session: &'a str,
    role: &'a str,
    text: &'a str,
    token_usage: u32,
    created_at: i64,
}

impl Statements {
    fn prepare(connection: &'static Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN")?,
            begin_immediate: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            insert_session: connection.prepare(
                "INSERT INTO sessions
                     (id, name, model, persona_id, saved, expires_at, created_at, updated_at)
                 VALUES (:id, :name, :model, :persona_id, :saved, :expires_at, :now, :now)",
            )?,
            get_session: connection.prepare(
                "SELECT id, name, model, recap, persona_id, saved, expires_at, head_id,
                     archived_at, deleted_at, pinned, created_at, updated_at
                 FROM sessions
                 WHERE id = ?1",
            )?,
            list_sessions: connection.prepare(
                "SELECT id, name, model, recap, persona_id, saved, expires_at, head_id,
                     archived_at, deleted_at, pinned, created_at, updated_at
                 FROM sessions
                 WHERE archived_at IS NULL AND deleted_at IS NULL
                 ORDER BY pinned DESC, updated_at DESC, id DESC
                 LIMIT :limit",
            )?,
            head: connection.prepare("SELECT head_id FROM sessions WHERE id = ?1")?,
            depth_below: connection.prepare("SELECT depth + 1 FROM messages WHERE id = ?1")?,
            insert_message: connection.prepare(
                "INSERT INTO messages
                     (uid, session_id, parent_id, role, text, model_id, token_usage, status,
                      depth, created_at)
                 VALUES
                     (:uid, :session_id, :parent_id, :role, :text, :model_id, :token_usage,
                      :status, :depth, :created_at)",
            )?,
            set_head: connection.prepare(
                "UPDATE sessions
                 SET head_id = :head, updated_at = max(updated_at, :now)
                 WHERE id = :id
                 RETURNING saved",
            )?,
            branch: connection.prepare(
                "SELECT id, uid, session_id, parent_id, role, text, model_id, token_usage,
                     importance_score, importance_by_user, token_count, status, depth, deleted_at,
                     created_at
                 FROM messages
                 WHERE session_id = :session_id AND id <= :from
                 ORDER BY id DESC
                 LIMIT :limit",
            )?,
            pins: connection.prepare(
                "SELECT id, scope, session_id, persona_id, content, source_message_id,
                     importance_score, pin_type, source, rule, created_at
                 FROM semantic_pins
                 WHERE session_id = ?1 AND rejected_at IS NULL
                     AND (source = 'user' OR source_message_id IS NULL
                         OR (SELECT deleted_at FROM messages WHERE id = source_message_id) IS NULL)
                 UNION ALL
                 SELECT id, scope, session_id, persona_id, content, source_message_id,
                     importance_score, pin_type, source, rule, created_at
                 FROM semantic_pins
                 WHERE persona_id = ?2 AND rejected_at IS NULL
                 UNION ALL
                 SELECT id, scope, session_id, persona_id, content, source_message_id,
                     importance_score, pin_type, source, rule, created_at
                 FROM semantic_pins
                 WHERE scope = 'all' AND rejected_at IS NULL
                 ORDER BY importance_score DESC, created_at DESC, id DESC
                 LIMIT ?3",
            )?,
            summaries: connection.prepare(
                "SELECT id, session_id, summary, message_count, start_message_id, end_message_id,
                     importance_score, origin, model_id, whole, created_at
                 FROM conversation_summaries
                 WHERE session_id = ?1 AND whole = 1 AND end_message_id <= ?2
                 ORDER BY end_message_id DESC
                 LIMIT ?3",
            )?,
            exclusions: connection
                .prepare("SELECT part, item_id FROM context_exclusions WHERE session_id = ?1")?,
        })
    }

    /// Where the session's next message goes.
    fn place(&mut self, session: &str) -> rusqlite::Result<Place> {
        let parent: Option<i64> = self.head.query_row([session], |row| row.get(0))?;
        let depth = match parent {
            Some(id) => self.depth_below.query_row([id], |row| row.get(0))?,
            None => 1,
        };
        Ok(Place { parent, depth })
    }

    /// Returns where the one after it goes.
    fn insert(
        &mut self,
        uid: String,
        place: Place,
        row: &NewRow<'_>,
        connection: &Connection,
    ) -> rusqlite::Result<Place> {
        self.insert_message.execute(named_params! {
            ":uid": uid,
            ":session_id": row.session,
            ":parent_id": place.parent,
            ":role": row.role,
            ":text": row.text,
            ":model_id": MODEL,
            ":token_usage": row.token_usage,
            ":status": "complete",
            ":depth": place.depth,
            ":created_at": row.created_at,
        })?;
        Ok(Place {
            parent: Some(connection.last_insert_rowid()),
            depth: place.depth + 1,
        })
    }

    fn set_head(&mut self, session: &str, head: Option<i64>) -> rusqlite::Result<bool> {
        let touched = named_params! { ":id": session, ":head": head, ":now": now() };
        self.set_head.query_row(touched, |row| row.get(0))
    }

    /// Oldest first.
    fn branch(
        &mut self,
        session: &str,
        head: Option<i64>,
        limit: usize,
    ) -> rusqlite::Result<Vec<Message>> {
        let range = named_params! { ":session_id": session, ":from": head, ":limit": limit };
        let mut found = rows(&mut self.branch, range, message_row)?;
        found.reverse();
        Ok(found)
    }
}

fn rows<T>(
    statement: &mut Statement<'_>,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    statement.query_map(params, read)?.collect()
}

fn message_row(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        _id: row.get(0)?,
        _uid: row.get(1)?,
        _session_id: row.get(2)?,
        _parent_id: row.get(3)?,
        _role: row.get(4)?,
        _text: row.get(5)?,
        _model_id: row.get(6)?,
        _token_usage: row.get(7)?,
        _importance_score: row.get(8)?,
        _importance_by_user: row.get(9)?,
        _token_count: row.get(10)?,
        _status: row.get(11)?,
        _depth: row.get(12)?,
        _deleted_at: row.get(13)?,
        _created_at: row.get(14)?,
    })
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        _id: row.get(0)?,
        _name: row.get(1)?,
        _model: row.get(2)?,
        _recap: row.get(3)?,
        _persona_id: row.get(4)?,
        _saved: row.get(5)?,
        _expires_at: row.get(6)?,
        _head_id: row.get(7)?,
        _archived_at: row.get(8)?,
        _deleted_at: row.get(9)?,
        _pinned: row.get(10)?,
        _created_at: row.get(11)?,
        _updated_at: row.get(12)?,
    })
}

fn pin_row(row: &Row<'_>) -> rusqlite::Result<Pin> {
    Ok(Pin {
        _id: row.get(0)?,
        _scope: row.get(1)?,
        _session_id: row.get(2)?,
        _persona_id: row.get(3)?,
        _content: row.get(4)?,
        _source_message_id: row.get(5)?,
        _importance_score: row.get(6)?,
        _pin_type: row.get(7)?,
        _source: row.get(8)?,
        _rule: row.get(9)?,
        _created_at: row.get(10)?,
    })
}

fn summary_row(row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        _id: row.get(0)?,
        _session_id: row.get(1)?,
        _summary: row.get(2)?,
        _message_count: row.get(3)?,
        _start_message_id: row.get(4)?,
        _end_message_id: row.get(5)?,
        _importance_score: row.get(6)?,
        _origin: row.get(7)?,
        _model_id: row.get(8)?,
        _whole: row.get(9)?,
        _created_at: row.get(10)?,
    })
}

fn exclusion_row(row: &Row<'_>) -> rusqlite::Result<Exclusion> {
    Ok(Exclusion {
        _part: row.get(0)?,
        _item_id: row.get(1)?,
    })
}

fn now() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
