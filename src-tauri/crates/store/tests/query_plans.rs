//! Every statement that stands in `src/` is explained by SQLite: none reads a whole table or sorts
//! by itself, but for a few that may, and the hot ones use the index that was made for them.

use std::fs;
use std::path::{Path, PathBuf};

use chatkeep_store::testing::TestStore;
use rusqlite::Connection;

use crate::support::looker;

/// A statement in the source.
struct Statement {
    file: String,
    sql: String,
}

const VERBS: [&str; 5] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];

/// The string literals of the store's source that are statements.
fn statements() -> Vec<Statement> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    files_below(&source, &mut files);
    // These read whole tables, once: of copies, or in the background.
    let whole = ["rescue.rs", "upkeep.rs", "search/repair.rs"];
    files.retain(|path| !whole.iter().any(|it| path.ends_with(it)));
    files.sort();
    let (mut found, mut fragments) = (Vec::new(), Vec::new());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let file = path.strip_prefix(&source).unwrap();
        let file = file.to_string_lossy().into_owned();
        for literal in literals(code) {
            if VERBS.iter().any(|verb| literal.starts_with(verb)) {
                let sql = literal.split_whitespace().collect::<Vec<_>>().join(" ");
                if sql.ends_with(" WHERE") {
                    fragments.push(file.clone());
                    continue;
                }
                found.push(Statement {
                    file: file.clone(),
                    sql,
                });
            }
        }
    }
    // The list of a shelf is put together of parts; its own file explains it whole.
    assert_eq!(fragments, ["sessions.rs"]);
    found
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// What stands between double quotes, comments aside.
fn literals(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (from, tail) = (&rest[at..], &rest[at + 1..]);
        rest = if from.starts_with("//") {
            from.split_once('\n').map_or("", |(_, next)| next)
        } else if let Some(next) = from.strip_prefix("'\"'") {
            next
        } else if from.starts_with('"') {
            let end = end_of_literal(tail);
            found.push(&tail[..end]);
            &tail[end + 1..]
        } else {
            tail
        };
    }
    found
}

fn end_of_literal(text: &str) -> usize {
    let mut escaped = false;
    text.find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
    .unwrap()
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get("detail").unwrap());
    }
    lines
}

/// Statements that may read a whole table or sort, and why.
const ALLOWED: [(&str, &str, &str); 19] = [
    (
        "search/index.rs",
        "ORDER BY last_id < 0 DESC",
        "a handful of ranges",
    ),
    (
        "sessions.rs",
        "ORDER BY id DESC",
        "in the order of its key, and ended by its limit",
    ),
    (
        "search/notes.rs",
        "SELECT id, kind FROM search_notes",
        "in the order of its key, and ended when there are enough",
    ),
    (
        "sessions.rs",
        "SELECT count(*) FROM sessions",
        "counting is a scan in SQLite; of an index, for the storage page only",
    ),
    (
        "messages.rs",
        "SELECT count(*)",
        "counting is a scan in SQLite; of an index, for the storage page only",
    ),
    (
        "schema.rs",
        "FROM refinery_schema_history",
        "one row a migration, read once a start",
    ),
    (
        "settings.rs",
        "SELECT name, value FROM settings",
        "all of the settings are wanted, and they are few",
    ),
    (
        "personas.rs",
        "ORDER BY is_default DESC",
        "a person has a handful of personas",
    ),
    (
        "personas.rs",
        "UPDATE sessions SET persona_id = NULL",
        "deleting a persona is rare; an index would cost every new session",
    ),
    (
        "personas.rs",
        "DELETE FROM personas",
        "the same, for the foreign key",
    ),
    (
        "endpoints.rs",
        "ORDER BY created_at, id",
        "a person has a handful of endpoints",
    ),
    (
        "vectors/models.rs",
        "DELETE FROM embedding_queue",
        "the same: the queue is made anew",
    ),
    (
        "vectors/models.rs",
        "INSERT INTO embedding_queue",
        "with a new model every message is embedded anew",
    ),
    (
        "vectors/models.rs",
        "WHERE model_id = ?1 ORDER BY id LIMIT ?2",
        "retired vectors are the oldest, and an index would cost every one that is not",
    ),
    (
        "vectors/models.rs",
        "DELETE FROM embedding_models",
        "a change of model is rare; the same, for the foreign key",
    ),
    (
        "vectors/queue.rs",
        "ORDER BY message_id DESC LIMIT ?1",
        "goes down the queue, which is in that order, and stops at the limit",
    ),
    (
        "vectors/queue.rs",
        "SELECT count(*)",
        "counting is a scan in SQLite; of what is still to be embedded",
    ),
    (
        "vectors/nearest.rs",
        "SELECT id FROM sessions WHERE persona_id IN",
        "most sessions have the same persona or two; an index would cost every new one",
    ),
    (
        "vectors/index.rs",
        "SELECT id FROM message_vectors",
        "after deletions only; of an index that has no vectors in it",
    ),
];

/// Tables that have a handful of rows at most.
const FEW: [&str; 3] = ["search_pending", "search_scrub", "sqlite_sequence"];

/// What the statements call the rows that they find by walking a tree, or with a limit.
const RECURSIVE: [&str; 3] = ["branch", "below", "(subquery-1)"];

/// Reads all of a table; a scan of the rows of another statement, or of a partial index, does not.
fn is_whole_scan(line: &str, partial: &[String]) -> bool {
    let Some(what) = line.strip_prefix("SCAN ") else {
        return false;
    };
    let by_partial_index = partial
        .iter()
        .any(|it| what.ends_with(&format!("INDEX {it}")));
    !by_partial_index
        && !RECURSIVE.contains(&what)
        && !what.contains("CONSTANT ROW")
        && !is_match(what)
        && !FEW.contains(&what)
        && what != "search_note_texts" // a view; what it reads is told too
        && what != "json_each VIRTUAL TABLE INDEX 1:"
}

/// Asks a full-text index what matches, or for the triples in a range: it is read from there on.
fn is_match(what: &str) -> bool {
    let index = what.split_once(" VIRTUAL TABLE INDEX ");
    index.is_some_and(|(table, by)| match table {
        "search_words" | "search_parts" => by.contains(":M"),
        "search_part_terms" => by == "1537:",
        _ => false,
    })
}

#[test]
fn no_statement_reads_a_whole_table_or_sorts_but_those_that_may() {
    let store = TestStore::new();
    let raw = looker(store.file());
    let partial = crate::support::column(
        &raw,
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%WHERE%'",
    );
    assert_eq!(partial.len(), 17, "{partial:?}");
    let mut used = Vec::new();
    for Statement { file, sql } in statements() {
        let plan = plan(&raw, &sql);
        let costly = plan
            .iter()
            .any(|line| is_whole_scan(line, &partial) || line.contains("TEMP B-TREE"));
        let allowed = ALLOWED
            .iter()
            .position(|(of, part, _)| *of == file && sql.contains(part));
        match allowed {
            Some(index) => used.push(index),
            None => assert!(!costly, "{file}: {sql}\n{}", plan.join("\n")),
        }
        assert!(costly || allowed.is_none(), "no need to allow it: {sql}");
    }
    used.sort_unstable();
    assert_eq!(
        used,
        (0..ALLOWED.len()).collect::<Vec<_>>(),
        "each exception is still there"
    );
}

#[test]
fn every_file_with_statements_was_read() {
    let all = statements();
    let count = |file: &str| all.iter().filter(|it| it.file == file).count();
    for (file, at_least) in [
        ("sessions.rs", 12),
        ("messages.rs", 12),
        ("personas.rs", 9),
        ("summaries/mod.rs", 7),
        ("summaries/coverage.rs", 9),
        ("pins/mod.rs", 12),
        ("generations.rs", 3),
        ("drafts.rs", 3),
        ("endpoints.rs", 6),
        ("settings.rs", 2),
        ("branches.rs", 7),
        ("trash.rs", 13),
        ("models.rs", 3),
        ("context/mod.rs", 3),
        ("vectors/models.rs", 13),
        ("vectors/queue.rs", 6),
        ("vectors/index.rs", 4),
        ("vectors/nearest.rs", 4),
    ] {
        assert!(count(file) >= at_least, "{file}: {}", count(file));
    }
}

/// The statements that run with every click, told by a part of them, and their plans.
const HOT: [(&str, &str, &str); 15] = [
    (
        "trash.rs",
        "expires_at <= ?1",
        "SEARCH sessions USING COVERING INDEX sessions_expiring (expires_at<?)",
    ),
    (
        "messages.rs",
        "session_id = :session_id AND id <= :from",
        "SEARCH messages USING INDEX messages_by_session (session_id=? AND id<?)",
    ),
    (
        "search/hits.rs",
        "id BETWEEN ?2 AND ?3",
        "SEARCH messages USING COVERING INDEX messages_by_session (session_id=? AND id>? AND id<?)",
    ),
    (
        "messages.rs",
        "created_at FROM messages WHERE id = ?1",
        "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)",
    ),
    (
        "branches.rs",
        "WHERE parent_id = ?1",
        "SEARCH messages USING INDEX messages_by_parent (parent_id=?)",
    ),
    (
        "branches.rs",
        "parent_id IN",
        "SEARCH messages USING INDEX messages_by_parent (parent_id=?)",
    ),
    (
        "branches.rs",
        "parent_id IS NULL",
        "SEARCH messages USING INDEX messages_roots (session_id=?)",
    ),
    (
        "context/mod.rs",
        "SELECT part, item_id FROM context_exclusions",
        "SEARCH context_exclusions USING PRIMARY KEY (session_id=?)",
    ),
    (
        "messages.rs",
        "WHERE status = 'streaming' RETURNING",
        "SCAN messages USING COVERING INDEX messages_streaming",
    ),
    (
        "pins/mod.rs",
        "ORDER BY importance_score DESC",
        "MERGE (UNION ALL)",
    ),
    (
        "summaries/coverage.rs",
        "ORDER BY end_message_id DESC",
        "SEARCH conversation_summaries USING INDEX summaries_by_end (session_id=? AND \
         end_message_id<?)",
    ),
    (
        "summaries/mod.rs",
        "ORDER BY created_at DESC",
        "SEARCH conversation_summaries USING INDEX summaries_by_session (session_id=?)",
    ),
    (
        "generations.rs",
        "WHERE message_id = ?1",
        "SEARCH generations USING INDEX generations_by_message (message_id=?)",
    ),
    (
        "personas.rs",
        "category = ?1 AND is_default = 1",
        "SEARCH personas USING INDEX personas_default (category=?)",
    ),
    (
        "drafts.rs",
        "SELECT text FROM drafts",
        "SEARCH drafts USING INDEX sqlite_autoindex_drafts_1 (session_id=?)",
    ),
];

#[test]
fn the_hot_statements_use_the_index_that_was_made_for_them() {
    let store = TestStore::new();
    let raw = looker(store.file());
    let all = statements();
    for (file, part, expected) in HOT {
        let found: Vec<_> = all
            .iter()
            .filter(|it| it.file == file && it.sql.contains(part))
            .collect();
        assert_eq!(found.len(), 1, "{file}: {part}");
        let plan = plan(&raw, &found[0].sql);
        assert_eq!(plan[0], expected, "{}", found[0].sql);
    }
}
