-- Empties the indexes, numbers the notes anew, and leaves everything to be indexed behind.
-- All is pending first: so no trigger takes anything out of an index that may be damaged.
DELETE FROM search_pending;
INSERT INTO search_pending (first_id, last_id)
VALUES (-9223372036854775808, 9223372036854775807);

-- Where this is damaged, FTS5 refuses to empty its table.
INSERT OR REPLACE INTO search_words_config (k, v) VALUES ('version', 4);
INSERT OR REPLACE INTO search_parts_config (k, v) VALUES ('version', 4);

INSERT INTO search_words (search_words) VALUES ('delete-all');
INSERT INTO search_parts (search_parts) VALUES ('delete-all');
UPDATE search_scrub SET state = 'clean';

DELETE FROM search_notes;
INSERT INTO search_notes (id, kind, item_id)
SELECT -row_number() OVER (ORDER BY created_at, item_id), kind, item_id
FROM (
    SELECT 'session' AS kind, id AS item_id, created_at FROM sessions
    UNION ALL
    SELECT 'summary', id, created_at FROM conversation_summaries
    UNION ALL
    SELECT 'pin', id, created_at FROM semantic_pins
);

DELETE FROM search_pending;
INSERT INTO search_pending (first_id, last_id)
SELECT min(id), max(id) FROM messages HAVING count(*) > 0;
INSERT INTO search_pending (first_id, last_id)
SELECT min(id), max(id) FROM search_notes HAVING count(*) > 0;
