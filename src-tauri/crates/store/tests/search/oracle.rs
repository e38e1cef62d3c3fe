//! Search beside a reading of every message: random texts of many scripts, whatever happens to them,
//! and random queries.

use chatkeep_store::search::{SearchOrder, SearchRequest, search};
use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    MessageId, MessageStatus, NewMessage, Role, SessionId, messages, sessions, trash,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::now;
use crate::support::{assert_sound, looker};

/// What texts are made of: as it is written, and without case and accents. `Word` is found as such;
/// `Part` wherever its characters stand; `Sign` likewise, and is no gap between the words around it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Part,
    Sign,
}

const ATOMS: [(&str, &str, Kind); 15] = [
    ("tea", "tea", Kind::Word),
    ("Tea", "tea", Kind::Word),
    ("TEAM", "team", Kind::Word),
    ("café", "cafe", Kind::Word),
    ("cafe\u{301}", "cafe", Kind::Word),
    ("ЧАША", "чаша", Kind::Word),
    ("чаша", "чаша", Kind::Word),
    ("شاي", "شاي", Kind::Word),
    ("東京", "東京", Kind::Part),
    ("京都の茶", "京都の茶", Kind::Part),
    ("ชาเขียว", "ชาเขียว", Kind::Part),
    ("한국어", "한국어", Kind::Part),
    ("c++", "c++", Kind::Part),
    ("🍵", "🍵", Kind::Sign),
    ("👩‍🍳", "👩‍🍳", Kind::Sign),
];
const GAPS: [&str; 3] = [" ", ", ", "\n"];

type Text = Vec<(usize, usize)>;

fn written(text: &Text) -> String {
    let atoms = text
        .iter()
        .map(|(atom, gap)| format!("{}{}", ATOMS[*atom].0, GAPS[*gap]));
    atoms.collect()
}

fn folded(text: &str) -> String {
    ATOMS
        .iter()
        .fold(text.to_owned(), |text, (written, folded, _)| {
            text.replace(written, folded)
        })
}

#[derive(Debug, Clone)]
enum Step {
    Say(Index, bool, Text),
    Reply(Index, Text),
    Finish(Index),
    Resume(Index),
    TrashMessage(Index),
    Restore(Index),
    TrashSession(Index),
    RestoreSession(Index),
    Purge,
}

#[derive(Debug, Clone)]
enum Term {
    Atom(usize),
    Phrase(usize, usize),
    Beginning(&'static str),
    Part(&'static str),
}

#[derive(Debug, Clone)]
struct Asked {
    terms: Vec<(bool, Term)>,
    role: Option<bool>,
    session: Option<Index>,
}

fn text() -> impl Strategy<Value = Text> {
    prop::collection::vec((0..ATOMS.len(), 0..GAPS.len()), 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        8 => (index(), any::<bool>(), text()).prop_map(|(at, user, text)| Step::Say(at, user, text)),
        2 => (index(), text()).prop_map(|(at, text)| Step::Reply(at, text)),
        2 => index().prop_map(Step::Finish),
        1 => index().prop_map(Step::Resume),
        2 => index().prop_map(Step::TrashMessage),
        1 => index().prop_map(Step::Restore),
        1 => index().prop_map(Step::TrashSession),
        1 => index().prop_map(Step::RestoreSession),
        1 => Just(Step::Purge),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let term = prop_oneof![
        4 => (0..ATOMS.len()).prop_map(Term::Atom),
        1 => (0..8_usize, 0..8_usize).prop_map(|(a, b)| Term::Phrase(a, b)),
        1 => prop::sample::select(vec!["te", "tea", "ca", "ча", "ش"]).prop_map(Term::Beginning),
        2 => prop::sample::select(vec!["ea", "afe", "京", "都の", "ขีย", "🍳", "국", "++"])
            .prop_map(Term::Part),
    ];
    let terms = prop::collection::vec((prop::bool::weighted(0.2), term), 1..3);
    let role = prop::option::weighted(0.2, any::<bool>());
    let session = prop::option::weighted(0.2, any::<Index>());
    (terms, role, session).prop_map(|(terms, role, session)| Asked {
        terms,
        role,
        session,
    })
}

impl Term {
    fn typed(&self) -> String {
        match self {
            Self::Atom(atom) => ATOMS[*atom].0.to_owned(),
            Self::Phrase(a, b) => format!("\"{} {}\"", ATOMS[*a].0, ATOMS[*b].0),
            Self::Beginning(beginning) => format!("{beginning}*"),
            Self::Part(part) => format!("*{part}*"),
        }
    }

    /// Whether it is in a text, read as it is defined.
    fn is_in(&self, text: &str, inside_words: bool) -> bool {
        let text = folded(text);
        let cleared: String = text.replace("👩‍🍳", " ").replace(['🍵', ','], " ");
        let words: Vec<&str> = cleared.split_whitespace().collect();
        match self {
            Self::Atom(atom) => match ATOMS[*atom] {
                (_, folded, Kind::Word) if !inside_words => words.contains(&folded),
                (_, folded, _) => text.contains(folded),
            },
            Self::Phrase(a, b) => {
                let pair = [ATOMS[*a].1, ATOMS[*b].1];
                match inside_words {
                    false => words.windows(2).any(|it| it == pair),
                    true => text.contains(&pair.join(" ")),
                }
            }
            Self::Beginning(beginning) if !inside_words => {
                words.iter().any(|it| it.starts_with(beginning))
            }
            Self::Beginning(part) | Self::Part(part) => text.contains(part),
        }
    }
}

struct Row {
    id: i64,
    session: String,
    role: String,
    text: String,
}

/// What can be found: every message that is neither streaming nor in the trash.
fn findable(store: &TestStore) -> Vec<Row> {
    let raw = looker(store.file());
    let mut statement = raw
        .prepare(
            "SELECT messages.id, session_id, role, text
             FROM messages JOIN sessions ON sessions.id = session_id
             WHERE status <> 'streaming' AND messages.deleted_at IS NULL
                 AND sessions.deleted_at IS NULL
             ORDER BY messages.id DESC",
        )
        .unwrap();
    let rows = statement.query_map([], |row| {
        Ok(Row {
            id: row.get(0)?,
            session: row.get(1)?,
            role: row.get(2)?,
            text: row.get(3)?,
        })
    });
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn expected(rows: &[Row], asked: &Asked, session: Option<SessionId>) -> Vec<i64> {
    let within = |row: &&Row| {
        let role = asked
            .role
            .map(|user| if user { "user" } else { "assistant" });
        role.is_none_or(|role| row.role == role)
            && session.is_none_or(|id| row.session == id.to_string())
    };
    let excludes = |row: &&Row| {
        let mut terms = asked.terms.iter();
        terms.any(|(excluded, term)| *excluded && term.is_in(&row.text, false))
    };
    let wanted: Vec<_> = asked.terms.iter().filter(|it| !it.0).collect();
    let ids = |fits: &dyn Fn(&Row) -> bool| -> Vec<i64> {
        let rows = rows.iter().filter(within).filter(|row| !excludes(row));
        rows.filter(|row| fits(row)).map(|row| row.id).collect()
    };
    // All of them whole, else all of them inside words, else some of them.
    let all = |inside: bool| ids(&|row| wanted.iter().all(|it| it.1.is_in(&row.text, inside)));
    let some = || ids(&|row| wanted.iter().any(|it| it.1.is_in(&row.text, false)));
    let first = [all(false), all(true), some()];
    let found = first.into_iter().find(|ids| !ids.is_empty());
    found.unwrap_or_default()
}

fn take(store: &TestStore, ids: &[SessionId], step: &Step) {
    store.clock.advance_ms(1000);
    let all = |sql: &str| -> Vec<MessageId> {
        let raw = looker(store.file());
        let mut statement = raw.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(|id| MessageId::new(id.unwrap())).collect()
    };
    let one = |at: &Index, sql: &str| {
        let ids = all(sql);
        (!ids.is_empty()).then(|| *at.get(&ids))
    };
    // What is refused, such as to restore below the trash, changes nothing.
    let _ = match step {
        Step::Say(at, user, text) => {
            let role = if *user { Role::User } else { Role::Assistant };
            let new = NewMessage::new(*at.get(ids), role, written(text));
            store.write(|tx| messages::append(tx, &new).map(drop))
        }
        Step::Reply(at, text) => {
            let new = NewMessage {
                status: MessageStatus::Streaming,
                ..NewMessage::assistant(*at.get(ids), "")
            };
            store.write(|tx| {
                let reply = messages::append(tx, &new)?;
                messages::append_text(tx, reply.id, &written(text))
            })
        }
        Step::Finish(at) => match one(at, "SELECT id FROM messages WHERE status = 'streaming'") {
            Some(id) => store
                .write(|tx| messages::finish(tx, id, MessageStatus::Interrupted, None).map(drop)),
            None => return,
        },
        Step::Resume(at) => match one(at, "SELECT id FROM messages WHERE status = 'interrupted'") {
            Some(id) => store.write(|tx| {
                messages::resume(tx, id)?;
                messages::append_text(tx, id, " tea")
            }),
            None => return,
        },
        Step::TrashMessage(at) => {
            match one(at, "SELECT id FROM messages WHERE deleted_at IS NULL") {
                Some(id) => store.write(|tx| trash::trash_message(tx, id).map(drop)),
                None => return,
            }
        }
        Step::Restore(at) => {
            match one(at, "SELECT id FROM messages WHERE deleted_at IS NOT NULL") {
                Some(id) => store.write(|tx| trash::restore(tx, id).map(drop)),
                None => return,
            }
        }
        Step::TrashSession(at) => store.write(|tx| sessions::trash(tx, *at.get(ids)).map(drop)),
        Step::RestoreSession(at) => store.write(|tx| sessions::restore(tx, *at.get(ids)).map(drop)),
        Step::Purge => store.write(|tx| {
            trash::purge(tx, tx.now().plus_ms(-3000))?;
            Ok(())
        }),
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_found_is_what_a_reading_of_every_message_finds(
        steps in prop::collection::vec(step(), 1..40),
        queries in prop::collection::vec(asked(), 1..12),
    ) {
        let store = TestStore::new();
        let ids: Vec<_> = ["Ix", "Ypsilon", "Zet"].map(|name| store.session(name).id).into();
        for step in &steps {
            take(&store, &ids, step);
        }
        let rows = findable(&store);
        for asked in &queries {
            let session = asked.session.map(|at| *at.get(&ids));
            let mut typed: Vec<String> = asked
                .terms
                .iter()
                .map(|(excluded, term)| format!("{}{}", if *excluded { "-" } else { "" }, term.typed()))
                .collect();
            typed.extend(asked.role.map(|user| if user { "role:user" } else { "role:assistant" }.to_owned()));
            typed.extend(session.map(|id| format!("session:{id}")));
            let request = SearchRequest {
                order: SearchOrder::Newest,
                limit: 100,
                ..SearchRequest::new(typed.join(" "))
            };
            let at = now(&store);
            let results = store.read(|tx| search(tx, &request, at)).unwrap();
            let found: Vec<i64> = results.messages.iter().map(|it| it.message_id.get()).collect();
            prop_assert_eq!(&results.hints, &[], "{}", &request.text);
            prop_assert_eq!(found, expected(&rows, asked, session), "{}", &request.text);
            prop_assert_eq!(results.total.count, results.messages.len());
        }
        assert_sound(store.file());
    }
}
