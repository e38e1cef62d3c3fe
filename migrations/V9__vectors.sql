-- Messages as vectors, for search by meaning: in the same file and the same transaction as the rows
-- they are of, so that nothing has to be kept consistent with a second store.

PRAGMA user_version = 9;

CREATE TABLE embedding_models (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    dimension INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 4096),
    -- The one that is searched, and the one that takes its place once all is embedded with it. NULL:
    -- retired, its vectors are being deleted.
    state     TEXT    UNIQUE CHECK (state = 'serving' OR state = 'building'),
    -- f32, little endian: the mean of its vectors as they came. The codes in memory are signs about it.
    mean      BLOB    NOT NULL,
    vectors   INTEGER NOT NULL DEFAULT 0 CHECK (vectors >= 0),
    -- How many vectors were ever deleted: what is held in memory sees by it that some are gone.
    deletions INTEGER NOT NULL DEFAULT 0
) STRICT;

-- 384 numbers make a row of 786 bytes, of which five fill a page.
CREATE TABLE message_vectors (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- grows: what is held in memory goes on from the last
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    model_id   INTEGER NOT NULL REFERENCES embedding_models (id),
    chunk      INTEGER NOT NULL CHECK (chunk >= 0), -- a long message has several, from 0
    start      INTEGER NOT NULL CHECK (start >= 0), -- where in the text it begins, in bytes
    vector     BLOB    NOT NULL, -- f16, little endian, of length 1
    UNIQUE (message_id, model_id, chunk)
) STRICT;

CREATE TRIGGER message_vectors_are_counted AFTER INSERT ON message_vectors
BEGIN
    UPDATE embedding_models SET vectors = vectors + 1 WHERE id = NEW.model_id;
END;

CREATE TRIGGER deleted_vectors_are_counted AFTER DELETE ON message_vectors
BEGIN
    UPDATE embedding_models
    SET vectors = vectors - 1, deletions = deletions + 1
    WHERE id = OLD.model_id;
END;

-- What is to be embedded, with the building model if there is one and else with the serving one.
CREATE TABLE embedding_queue (
    message_id INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE
) STRICT;

CREATE TRIGGER new_messages_are_queued AFTER INSERT ON messages
WHEN NEW.status <> 'streaming' AND EXISTS (SELECT 1 FROM embedding_models WHERE state IS NOT NULL)
BEGIN
    INSERT INTO embedding_queue (message_id) VALUES (NEW.id);
END;

CREATE TRIGGER finished_messages_are_queued AFTER UPDATE OF text, status ON messages
WHEN NEW.status <> 'streaming' AND (OLD.status = 'streaming' OR OLD.text <> NEW.text)
    AND EXISTS (SELECT 1 FROM embedding_models WHERE state IS NOT NULL)
BEGIN
    INSERT INTO embedding_queue (message_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;

-- A reply that goes on is no longer what its vectors say.
CREATE TRIGGER streaming_messages_have_no_vectors AFTER UPDATE OF text, status ON messages
WHEN NEW.status = 'streaming'
BEGIN
    DELETE FROM message_vectors WHERE message_id = NEW.id;
    DELETE FROM embedding_queue WHERE message_id = NEW.id;
END;
