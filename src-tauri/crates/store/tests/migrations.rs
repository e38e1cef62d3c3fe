//! The schema: what a fresh file has, that older files get to it with their rows, and that merged
//! migrations stay as they were.

use std::collections::BTreeSet;
use std::fs;

use chatkeep_store::testing::TestStore;
use chatkeep_store::{
    DATABASE_FILE, NewMessage, OpenError, OpenOptions, PersonaCategory, PinScope, PinSource, Shelf,
    Store, SummaryOrigin, messages, personas, pins, summaries,
};
use refinery::Target;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::support::folder::saved_folder;
use crate::support::{assert_sound, branch, column, dump, intruder, looker, shelf};

mod embedded {
    refinery::embed_migrations!("../../../migrations");
}

const NEWEST: i32 = 10;

#[test]
fn a_fresh_database_has_the_documented_tables_and_columns() {
    let store = TestStore::new();
    let raw = looker(store.file());
    let documented = [
        ("context_exclusions", "session_id part item_id"),
        (
            "conversation_summaries",
            "id session_id summary message_count start_message_id end_message_id importance_score \
             created_at origin model_id whole",
        ),
        ("drafts", "session_id text updated_at"),
        (
            "embedding_models",
            "id name dimension state mean vectors deletions",
        ),
        ("embedding_queue", "message_id"),
        ("endpoints", "id kind name base_url created_at"),
        (
            "generations",
            "id session_id message_id provider model prompt_tokens completion_tokens \
             first_token_ms total_ms status error created_at purpose",
        ),
        (
            "message_vectors",
            "id message_id model_id chunk start vector",
        ),
        (
            "messages",
            "id uid session_id parent_id role text model_id token_usage importance_score status \
             created_at depth deleted_at token_count importance_by_user",
        ),
        ("model_profiles", "model token_ratio samples context_window"),
        ("moved_messages", "id parent_id"),
        (
            "personas",
            "id name prompt description icon category default_model suggested_models temperature \
             max_tokens top_p repeat_penalty stop_sequences is_default created_at updated_at",
        ),
        ("search_notes", "id kind item_id"),
        ("search_pending", "first_id last_id"),
        ("search_scrub", "only state"),
        (
            "semantic_pins",
            "id scope session_id persona_id content source_message_id importance_score pin_type \
             source rule rejected_at created_at",
        ),
        (
            "sessions",
            "id name model recap persona_id saved expires_at head_id archived_at deleted_at pinned \
             created_at updated_at named_by_user",
        ),
        ("settings", "name value"),
        ("store_identity", "only uid"),
        ("summary_messages", "summary_id message_id"),
    ];
    let tables = column(
        &raw,
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND strict = 1 AND type = 'table' ORDER BY name",
    );
    assert_eq!(tables, documented.map(|(table, _)| table));
    for (table, columns) in documented {
        let found = column(
            &raw,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        );
        assert_eq!(found.join(" "), columns, "{table}");
    }
    // The one table that is not STRICT is refinery's own.
    let others = column(
        &raw,
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND strict = 0 AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    );
    assert_eq!(others, ["refinery_schema_history"]);
    assert_sound(store.file());
}

#[test]
fn a_fresh_database_says_whose_it_is_and_which_version_in_wal_mode() {
    let store = TestStore::new();
    let raw = looker(store.file());
    assert_eq!(column(&raw, "PRAGMA application_id"), ["1128811344"]);
    assert_eq!(column(&raw, "PRAGMA user_version"), [NEWEST.to_string()]);
    assert_eq!(column(&raw, "PRAGMA journal_mode"), ["wal"]);
    let newest = newest_embedded();
    assert_eq!(newest, NEWEST);
}

fn newest_embedded() -> i32 {
    versions().into_iter().max().unwrap()
}

fn versions() -> Vec<i32> {
    let runner = embedded::migrations::runner();
    let migrations = runner.get_migrations().iter();
    migrations.map(refinery::Migration::version).collect()
}

#[test]
fn the_scores_have_the_documented_defaults() {
    let store = TestStore::new();
    let raw = looker(store.file());
    for (table, default) in [
        ("messages", "0.5"),
        ("conversation_summaries", "0.7"),
        ("semantic_pins", "0.8"),
    ] {
        let sql = format!(
            "SELECT dflt_value FROM pragma_table_info('{table}') WHERE name = 'importance_score'"
        );
        assert_eq!(column(&raw, &sql), [default], "{table}");
    }
}

/// A merged migration is never edited: a database that has it would then be refused.
#[test]
fn the_merged_migrations_are_as_they_were() {
    let store = TestStore::new();
    let raw = looker(store.file());
    let applied = column(
        &raw,
        "SELECT version || ' ' || name || ' ' || checksum
         FROM refinery_schema_history ORDER BY version",
    );
    assert_eq!(
        applied,
        [
            "1 core 851536526380921188",
            "2 generations 3727796447262124545",
            "3 app_state 16228956484070973404",
            "4 branches 15009148352804288293",
            "5 context 11397858494432917150",
            "6 identity 6167984809933372248",
            "7 memory 16661187141608270065",
            "8 full_text 2775624633056670122",
            "9 vectors 14576136353356508961",
            "10 branch_walk 3533752644476084127",
        ]
    );
}

/// A folder with a database as the first release with `version` left it, and some rows.
fn folder_at(version: i32) -> TempDir {
    let folder = tempdir().unwrap();
    let mut raw = Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    raw.pragma_update(None, "journal_mode", "wal").unwrap();
    embedded::migrations::runner()
        .set_target(Target::Version(version))
        .run(&mut raw)
        .unwrap();
    let found: i32 = raw
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(found, version);
    raw.execute_batch(
        "INSERT INTO sessions (id, name, persona_id, created_at, updated_at)
         VALUES ('01900000-0000-7000-8000-000000000001', 'Old tea', 'default-cloud', 5, 6);
         INSERT INTO messages (uid, session_id, parent_id, role, text, created_at)
         VALUES
             ('01900000-0000-7000-8000-000000000101', '01900000-0000-7000-8000-000000000001',
              NULL, 'user', 'How long?', 6),
             ('01900000-0000-7000-8000-000000000102', '01900000-0000-7000-8000-000000000001',
              1, 'assistant', 'Two minutes.', 7),
             ('01900000-0000-7000-8000-000000000103', '01900000-0000-7000-8000-000000000001',
              2, 'user', 'Thanks!', 8),
             ('01900000-0000-7000-8000-000000000104', '01900000-0000-7000-8000-000000000001',
              1, 'assistant', 'Three.', 9);
         UPDATE sessions SET head_id = 1;
         DELETE FROM personas WHERE id = 'default-local';",
    )
    .unwrap();
    if version >= 4 {
        for (id, depth) in (1..).zip(DEPTHS) {
            raw.execute("UPDATE messages SET depth = ?2 WHERE id = ?1", (id, depth))
                .unwrap();
        }
    }
    folder
}

/// How deep each of the messages stands, which versions before 4 did not note.
const DEPTHS: [u32; 4] = [1, 2, 3, 2];

/// A row of such a folder as it is once it has the columns that were added after `version`.
fn upgraded(row: String, version: i32) -> String {
    if row.starts_with("sessions | ") && version < 7 {
        return format!("{row} | 1");
    }
    let Some(id) = row.strip_prefix("messages | ") else {
        return row;
    };
    let depth = DEPTHS[id.chars().next().unwrap().to_digit(10).unwrap() as usize - 1];
    match version {
        ..=3 => format!("{row} | {depth} | NULL | NULL | 0"),
        4 => format!("{row} | NULL | 0"),
        _ => row,
    }
}

fn schema(store: &Store) -> Vec<String> {
    column(
        &looker(store.file()),
        "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1",
    )
}

#[test]
fn every_older_database_is_brought_to_the_schema_of_a_fresh_one_and_keeps_its_rows() {
    let fresh = TestStore::new();
    for version in versions() {
        let folder = folder_at(version);
        let file = folder.path().join(DATABASE_FILE);
        let made_anew = ["refinery", "sqlite_", "store_identity"];
        let kept = |row: &String| !made_anew.iter().any(|it| row.starts_with(it));
        let mut before = dump(&file);
        before.retain(kept);
        let before: Vec<_> = before
            .into_iter()
            .map(|row| upgraded(row, version))
            .collect();

        let store = OpenOptions::new(folder.path()).open().unwrap();

        assert_eq!(schema(&store), schema(&fresh), "from version {version}");
        let mut after = dump(&file);
        after.retain(kept);
        assert_eq!(after, before, "from version {version}");
        assert_sound(&file);
        let all = shelf(&store, Shelf::Active, 10);
        assert_eq!(all.len(), 1);
        store
            .write(|tx| messages::append(tx, &NewMessage::assistant(all[0].id, "Two minutes.")))
            .unwrap();
        assert_eq!(branch(&store, all[0].id, 10).len(), 2);
        // A seeded persona that was deleted does not come back with an upgrade.
        let local = store.read(|tx| personas::default_of(tx, PersonaCategory::Local));
        assert_eq!(local.unwrap(), None);
    }
}

/// Summaries and pins of version 6, of every kind that it could have.
const MEMORY_OF_6: &str = "
    INSERT INTO messages (uid, session_id, parent_id, role, text, depth, deleted_at, created_at)
    VALUES ('01900000-0000-7000-8000-000000000105', '01900000-0000-7000-8000-000000000001', 3,
            'assistant', 'Welcome.', 4, 10, 9);
    INSERT INTO conversation_summaries
        (id, session_id, summary, message_count, start_message_id, end_message_id,
         importance_score, created_at)
    VALUES
        ('01900000-0000-7000-8000-00000000000a', '01900000-0000-7000-8000-000000000001',
         'Of one branch.', 3, 1, 3, 0.25, 20),
        ('01900000-0000-7000-8000-00000000000b', '01900000-0000-7000-8000-000000000001',
         'Of the other.', 2, 1, 4, 0.7, 21),
        ('01900000-0000-7000-8000-00000000000c', '01900000-0000-7000-8000-000000000001',
         'Of what is in the trash.', 2, 3, 5, 0.7, 22),
        ('01900000-0000-7000-8000-00000000000d', '01900000-0000-7000-8000-000000000001',
         'Its end was purged.', 9, 2, 4711, 0.7, 23);
    INSERT INTO semantic_pins
        (id, session_id, content, source_message_id, importance_score, pin_type, created_at)
    VALUES
        ('01900000-0000-7000-8000-00000000001a', '01900000-0000-7000-8000-000000000001',
         'Green tea: 80 °C', 2, 0.25, 'code', 30),
        ('01900000-0000-7000-8000-00000000001b', '01900000-0000-7000-8000-000000000001',
         'Typed', NULL, 0.8, 'auto', 31);";

#[test]
fn summaries_and_pins_of_version_6_keep_all_they_had_and_are_the_users() {
    let folder = folder_at(6);
    let file = folder.path().join(DATABASE_FILE);
    intruder(&file).execute_batch(MEMORY_OF_6).unwrap();
    let kept = "SELECT id || session_id || summary || message_count || start_message_id
                    || end_message_id || importance_score || created_at
                FROM conversation_summaries
                UNION ALL
                SELECT id || session_id || content || coalesce(source_message_id, '')
                    || importance_score || pin_type || created_at
                FROM semantic_pins
                ORDER BY 1";
    let before = column(&looker(&file), kept);
    assert_eq!(before.len(), 6);

    let store = OpenOptions::new(folder.path()).open().unwrap();

    let raw = looker(&file);
    assert_eq!(column(&raw, kept), before);
    let covered = "SELECT substr(summary_id, -1) || ': ' || group_concat(message_id, ' ')
                   FROM (SELECT * FROM summary_messages ORDER BY summary_id, message_id)
                   GROUP BY summary_id";
    assert_eq!(column(&raw, covered), ["a: 1 2 3", "b: 1 4", "c: 3 5"]);
    let session = shelf(&store, Shelf::Active, 10)[0].id;
    let all = store.read(|tx| summaries::list(tx, session)).unwrap();
    let whole: Vec<_> = all.iter().map(|it| it.whole).collect();
    assert_eq!(whole, [false, false, true, true], "newest first");
    assert!(
        all.iter()
            .all(|it| it.origin == SummaryOrigin::User && it.model_id.is_none())
    );
    let all = store.read(|tx| pins::list(tx, session)).unwrap();
    assert_eq!(all.len(), 2);
    for pin in all {
        assert_eq!(
            (pin.scope, pin.source, pin.rule),
            (PinScope::Session, PinSource::User, None)
        );
        assert_eq!(pin.session_id, Some(session));
    }
    assert_sound(&file);
}

#[test]
fn a_database_of_the_newest_version_is_not_changed_by_being_opened() {
    let store = TestStore::new();
    store.session("Tea");
    let before = dump(store.file());
    let store = store.reopened();
    assert_eq!(dump(store.file()), before);
}

#[test]
fn a_migration_that_fails_leaves_the_database_at_the_version_before() {
    let folder = folder_at(1);
    let file = folder.path().join(DATABASE_FILE);
    // In the way of the third, after the second has gone through.
    intruder(&file)
        .execute_batch("CREATE TABLE drafts (mine TEXT)")
        .unwrap();
    for _ in 0..2 {
        let error = OpenOptions::new(folder.path()).open().err().unwrap();
        assert!(matches!(error, OpenError::Migration(_)), "{error:?}");
        let raw = looker(&file);
        assert_eq!(column(&raw, "PRAGMA user_version"), ["2"]);
        let made: BTreeSet<_> = column(&raw, "SELECT name FROM sqlite_schema")
            .into_iter()
            .collect();
        assert!(made.contains("generations") && !made.contains("endpoints"));
        assert_sound(&file);
    }
    // Once it is out of the way, the upgrade goes on where it stopped.
    intruder(&file).execute_batch("DROP TABLE drafts").unwrap();
    let store = OpenOptions::new(folder.path()).open().unwrap();
    assert_eq!(schema(&store), schema(&TestStore::new()));
    assert_eq!(shelf(&store, Shelf::Active, 10)[0].name, "Old tea");
}

#[test]
fn a_database_whose_history_tells_of_another_migration_is_refused_untouched() {
    let folder = saved_folder();
    let file = folder.path().join(DATABASE_FILE);
    intruder(&file)
        .execute_batch("UPDATE refinery_schema_history SET checksum = '7' WHERE version = 2")
        .unwrap();
    let before = fs::read(&file).unwrap();
    let error = OpenOptions::new(folder.path()).open().err().unwrap();
    assert!(matches!(error, OpenError::Migration(_)), "{error:?}");
    assert!(fs::read(&file).unwrap() == before);
}

/// Without an index on the column, deleting a parent scans the children's whole table.
#[test]
fn every_foreign_key_has_an_index() {
    // Few sessions have a persona that is deleted, and deleting one is rare: not worth an index
    // that every new session pays for.
    // Of embedding models there are two or three, and one is deleted once its vectors are.
    // The queue has no key but its message, which is its rowid.
    let allowed = [
        "embedding_queue.message_id",
        "message_vectors.model_id",
        "sessions.persona_id",
    ];
    let store = TestStore::new();
    let raw = looker(store.file());
    let keys = column(
        &raw,
        "SELECT child.name || '.' || key.\"from\"
         FROM pragma_table_list AS child, pragma_foreign_key_list(child.name) AS key
         WHERE child.schema = 'main'",
    );
    let indexed: BTreeSet<_> = column(
        &raw,
        "SELECT child.name || '.' || part.name
         FROM pragma_table_list AS child, pragma_index_list(child.name) AS found,
              pragma_index_info(found.name) AS part
         WHERE child.schema = 'main' AND part.seqno = 0",
    )
    .into_iter()
    .collect();
    assert_eq!(keys.len(), 17, "{keys:?}");
    let mut without: Vec<_> = keys.iter().filter(|it| !indexed.contains(*it)).collect();
    without.sort();
    assert_eq!(without, allowed.iter().collect::<Vec<_>>());
}
