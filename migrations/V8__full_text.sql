-- Full text: every word of messages, session names and recaps, summaries and pins, for the search.
--
-- Two indexes over one view, kept by triggers in the transaction of the row. What is in the index is
-- exactly what the view holds: so FTS5 can be asked whether both agree, and a row that was never
-- taken in is never taken out, which would damage an index that keeps no copy of the text.

PRAGMA user_version = 8;

-- What is not indexed yet: ranges of ids, from an upgrade, an import or a repair. Indexed in steps,
-- the newest first, and gone when that is done.
CREATE TABLE search_pending (
    first_id INTEGER NOT NULL PRIMARY KEY,
    last_id  INTEGER NOT NULL CHECK (last_id >= first_id)
) STRICT;

-- Integer ids, below those of messages, for what has a UUID: an implicit rowid may move in a VACUUM.
CREATE TABLE search_notes (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id < 0),
    kind    TEXT    NOT NULL CHECK (kind = 'session' OR kind = 'summary' OR kind = 'pin'),
    item_id TEXT    NOT NULL,
    UNIQUE (kind, item_id)
) STRICT;

-- FTS5 only marks what is deleted. The words leave the disk when its parts are merged:
-- 'clean': nothing to do; 'needed': something was deleted; 'merging': begun.
CREATE TABLE search_scrub (
    only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), -- one row
    state TEXT    NOT NULL CHECK (state = 'clean' OR state = 'needed' OR state = 'merging')
) STRICT;

INSERT INTO search_scrub (only, state) VALUES (1, 'clean');

-- The + keeps SQLite from the index on kind, by which it would read all notes of a kind for a range
-- of ids.
CREATE VIEW search_note_texts (id, text) AS
SELECT search_notes.id, sessions.name || coalesce(char(10) || sessions.recap, '')
FROM search_notes
JOIN sessions ON +search_notes.kind = 'session' AND sessions.id = search_notes.item_id
UNION ALL
SELECT search_notes.id, conversation_summaries.summary
FROM search_notes
JOIN conversation_summaries
    ON +search_notes.kind = 'summary' AND conversation_summaries.id = search_notes.item_id
UNION ALL
SELECT search_notes.id, semantic_pins.content
FROM search_notes
JOIN semantic_pins ON +search_notes.kind = 'pin' AND semantic_pins.id = search_notes.item_id;

-- What the indexes hold. A reply comes in when it has ended. The trash stays in, and is passed over
-- by the queries: what is there comes back. The texts of notes are spelled out again: SQLite takes
-- no condition into a view within a view, and would read all of them for each range of ids.
CREATE VIEW searchable (id, text, padded) AS
SELECT id, text, text || '  '
FROM messages
WHERE status <> 'streaming'
    AND NOT EXISTS (
        SELECT 1 FROM search_pending WHERE messages.id BETWEEN first_id AND last_id
    )
UNION ALL
SELECT search_notes.id, sessions.name || coalesce(char(10) || sessions.recap, ''),
    sessions.name || coalesce(char(10) || sessions.recap, '') || '  '
FROM search_notes
JOIN sessions ON +search_notes.kind = 'session' AND sessions.id = search_notes.item_id
WHERE NOT EXISTS (
    SELECT 1 FROM search_pending WHERE search_notes.id BETWEEN first_id AND last_id
)
UNION ALL
SELECT search_notes.id, conversation_summaries.summary, conversation_summaries.summary || '  '
FROM search_notes
JOIN conversation_summaries
    ON +search_notes.kind = 'summary' AND conversation_summaries.id = search_notes.item_id
WHERE NOT EXISTS (
    SELECT 1 FROM search_pending WHERE search_notes.id BETWEEN first_id AND last_id
)
UNION ALL
SELECT search_notes.id, semantic_pins.content, semantic_pins.content || '  '
FROM search_notes
JOIN semantic_pins ON +search_notes.kind = 'pin' AND semantic_pins.id = search_notes.item_id
WHERE NOT EXISTS (
    SELECT 1 FROM search_pending WHERE search_notes.id BETWEEN first_id AND last_id
);

-- Whole words and their beginnings.
CREATE VIRTUAL TABLE search_words USING fts5 (
    text,
    content = 'searchable',
    content_rowid = 'id',
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);

-- Any three characters: parts of words, and scripts without spaces. Two spaces at the end, so that
-- every character begins a triple and one or two are found as a triple's beginning. Where in a text
-- a triple stands is not kept (detail = none): a third of the size, and the text tells it.
CREATE VIRTUAL TABLE search_parts USING fts5 (
    padded,
    content = 'searchable',
    content_rowid = 'id',
    tokenize = 'trigram remove_diacritics 1',
    detail = none
);

CREATE VIRTUAL TABLE search_part_terms USING fts5vocab (search_parts, 'row');

CREATE TRIGGER search_message_inserted AFTER INSERT ON messages
WHEN new.status <> 'streaming'
    AND NOT EXISTS (SELECT 1 FROM search_pending WHERE new.id BETWEEN first_id AND last_id)
BEGIN
    INSERT INTO search_words (rowid, text) VALUES (new.id, new.text);
    INSERT INTO search_parts (rowid, padded) VALUES (new.id, new.text || '  ');
END;

-- Out before an update and in after it: two AFTER triggers would have no order.
CREATE TRIGGER search_message_updating BEFORE UPDATE OF status, text ON messages
WHEN old.status <> 'streaming'
    AND (new.status = 'streaming' OR new.text <> old.text)
    AND NOT EXISTS (SELECT 1 FROM search_pending WHERE old.id BETWEEN first_id AND last_id)
BEGIN
    INSERT INTO search_words (search_words, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO search_parts (search_parts, rowid, padded)
    VALUES ('delete', old.id, old.text || '  ');
END;

CREATE TRIGGER search_message_updated AFTER UPDATE OF status, text ON messages
WHEN new.status <> 'streaming'
    AND (old.status = 'streaming' OR new.text <> old.text)
    AND NOT EXISTS (SELECT 1 FROM search_pending WHERE new.id BETWEEN first_id AND last_id)
BEGIN
    INSERT INTO search_words (rowid, text) VALUES (new.id, new.text);
    INSERT INTO search_parts (rowid, padded) VALUES (new.id, new.text || '  ');
END;

CREATE TRIGGER search_message_deleted BEFORE DELETE ON messages
WHEN old.status <> 'streaming'
    AND NOT EXISTS (SELECT 1 FROM search_pending WHERE old.id BETWEEN first_id AND last_id)
BEGIN
    INSERT INTO search_words (search_words, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO search_parts (search_parts, rowid, padded)
    VALUES ('delete', old.id, old.text || '  ');
    UPDATE search_scrub SET state = 'needed' WHERE state <> 'needed';
END;

-- For a note, its row in search_notes comes and goes with it, and takes the text in and out: the
-- text is the item's, which is there when the row comes and still there when the row goes.
CREATE TRIGGER search_note_inserted AFTER INSERT ON search_notes
WHEN NOT EXISTS (SELECT 1 FROM search_pending WHERE new.id BETWEEN first_id AND last_id)
BEGIN
    INSERT INTO search_words (rowid, text)
    SELECT id, text FROM search_note_texts WHERE id = new.id;
    INSERT INTO search_parts (rowid, padded)
    SELECT id, text || '  ' FROM search_note_texts WHERE id = new.id;
END;

CREATE TRIGGER search_note_deleted BEFORE DELETE ON search_notes
WHEN NOT EXISTS (SELECT 1 FROM search_pending WHERE old.id BETWEEN first_id AND last_id)
BEGIN
    INSERT INTO search_words (search_words, rowid, text)
    SELECT 'delete', id, text FROM search_note_texts WHERE id = old.id;
    INSERT INTO search_parts (search_parts, rowid, padded)
    SELECT 'delete', id, text || '  ' FROM search_note_texts WHERE id = old.id;
    UPDATE search_scrub SET state = 'needed' WHERE state <> 'needed';
END;

CREATE TRIGGER search_session_inserted AFTER INSERT ON sessions
BEGIN
    INSERT INTO search_notes (id, kind, item_id)
    SELECT coalesce(min(id), 0) - 1, 'session', new.id FROM search_notes;
END;

CREATE TRIGGER search_session_updating BEFORE UPDATE OF name, recap ON sessions
WHEN new.name <> old.name OR new.recap IS NOT old.recap
BEGIN
    DELETE FROM search_notes WHERE kind = 'session' AND item_id = old.id;
END;

CREATE TRIGGER search_session_updated AFTER UPDATE OF name, recap ON sessions
WHEN new.name <> old.name OR new.recap IS NOT old.recap
BEGIN
    INSERT INTO search_notes (id, kind, item_id)
    SELECT coalesce(min(id), 0) - 1, 'session', new.id FROM search_notes;
END;

CREATE TRIGGER search_session_deleted BEFORE DELETE ON sessions
BEGIN
    DELETE FROM search_notes WHERE kind = 'session' AND item_id = old.id;
END;

CREATE TRIGGER search_summary_inserted AFTER INSERT ON conversation_summaries
BEGIN
    INSERT INTO search_notes (id, kind, item_id)
    SELECT coalesce(min(id), 0) - 1, 'summary', new.id FROM search_notes;
END;

CREATE TRIGGER search_summary_updating BEFORE UPDATE OF summary ON conversation_summaries
WHEN new.summary <> old.summary
BEGIN
    DELETE FROM search_notes WHERE kind = 'summary' AND item_id = old.id;
END;

CREATE TRIGGER search_summary_updated AFTER UPDATE OF summary ON conversation_summaries
WHEN new.summary <> old.summary
BEGIN
    INSERT INTO search_notes (id, kind, item_id)
    SELECT coalesce(min(id), 0) - 1, 'summary', new.id FROM search_notes;
END;

CREATE TRIGGER search_summary_deleted BEFORE DELETE ON conversation_summaries
BEGIN
    DELETE FROM search_notes WHERE kind = 'summary' AND item_id = old.id;
END;

CREATE TRIGGER search_pin_inserted AFTER INSERT ON semantic_pins
BEGIN
    INSERT INTO search_notes (id, kind, item_id)
    SELECT coalesce(min(id), 0) - 1, 'pin', new.id FROM search_notes;
END;

CREATE TRIGGER search_pin_updating BEFORE UPDATE OF content ON semantic_pins
WHEN new.content <> old.content
BEGIN
    DELETE FROM search_notes WHERE kind = 'pin' AND item_id = old.id;
END;

CREATE TRIGGER search_pin_updated AFTER UPDATE OF content ON semantic_pins
WHEN new.content <> old.content
BEGIN
    INSERT INTO search_notes (id, kind, item_id)
    SELECT coalesce(min(id), 0) - 1, 'pin', new.id FROM search_notes;
END;

CREATE TRIGGER search_pin_deleted BEFORE DELETE ON semantic_pins
BEGIN
    DELETE FROM search_notes WHERE kind = 'pin' AND item_id = old.id;
END;

-- What is there already is indexed behind: the notes are numbered, and all of it is pending.
INSERT INTO search_pending (first_id, last_id)
SELECT min(id), max(id) FROM messages HAVING count(*) > 0;

INSERT INTO search_pending (first_id, last_id)
SELECT -count(*), -1
FROM (
    SELECT id FROM sessions
    UNION ALL
    SELECT id FROM conversation_summaries
    UNION ALL
    SELECT id FROM semantic_pins
)
HAVING count(*) > 0;

INSERT INTO search_notes (id, kind, item_id)
SELECT -row_number() OVER (ORDER BY created_at, item_id), kind, item_id
FROM (
    SELECT 'session' AS kind, id AS item_id, created_at FROM sessions
    UNION ALL
    SELECT 'summary', id, created_at FROM conversation_summaries
    UNION ALL
    SELECT 'pin', id, created_at FROM semantic_pins
);
