-- Memory: where summaries and pins come from, which messages a summary covers, how far a pin reaches.

PRAGMA user_version = 7;

ALTER TABLE conversation_summaries ADD COLUMN origin TEXT NOT NULL DEFAULT 'user'
    CHECK (origin IN ('user', 'model', 'extractive')); -- extractive: until a model answers
ALTER TABLE conversation_summaries ADD COLUMN model_id TEXT; -- "endpoint/model" that wrote it
-- 0: a message that it covers is in the trash, or one that it does not cover came back among them.
ALTER TABLE conversation_summaries ADD COLUMN whole INTEGER NOT NULL DEFAULT 1
    CHECK (whole IN (0, 1));

-- Which messages a summary covers. Its range alone does not tell: messages go to the trash and come
-- back, and then what was said of them must not stay behind.
CREATE TABLE summary_messages (
    summary_id TEXT    NOT NULL REFERENCES conversation_summaries (id) ON DELETE CASCADE,
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (summary_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX summary_messages_by_message ON summary_messages (message_id);
-- Those of a branch, the newest messages' first.
CREATE INDEX summaries_by_end ON conversation_summaries (session_id, end_message_id)
    WHERE whole = 1;
CREATE INDEX summaries_extractive ON conversation_summaries (created_at)
    WHERE origin = 'extractive';

INSERT INTO summary_messages (summary_id, message_id)
WITH RECURSIVE covered (summary_id, message_id, parent_id, first_id) AS (
    SELECT summary.id, message.id, message.parent_id, summary.start_message_id
    FROM conversation_summaries AS summary
    JOIN messages AS message
        ON message.id = summary.end_message_id AND message.session_id = summary.session_id
    UNION ALL
    SELECT covered.summary_id, message.id, message.parent_id, covered.first_id
    FROM covered
    JOIN messages AS message ON message.id = covered.parent_id
    WHERE message.id >= covered.first_id
)
SELECT summary_id, message_id FROM covered;

UPDATE conversation_summaries
SET whole = 0
WHERE id NOT IN (SELECT summary_id FROM summary_messages)
    OR id IN (SELECT summary_id
              FROM summary_messages
              JOIN messages ON messages.id = summary_messages.message_id
              WHERE messages.deleted_at IS NOT NULL);

-- Made anew, as a pin that is kept for a persona or everywhere has no session.
CREATE TABLE pins_of_any_scope (
    id                TEXT    NOT NULL PRIMARY KEY,
    scope             TEXT    NOT NULL DEFAULT 'session'
                      CHECK (scope IN ('session', 'persona', 'all')),
    session_id        TEXT    REFERENCES sessions (id) ON DELETE CASCADE,
    persona_id        TEXT    REFERENCES personas (id) ON DELETE CASCADE,
    content           TEXT    NOT NULL,
    source_message_id INTEGER REFERENCES messages (id) ON DELETE SET NULL,
    importance_score  REAL    NOT NULL DEFAULT 0.8 CHECK (importance_score BETWEEN 0 AND 1),
    pin_type          TEXT    NOT NULL DEFAULT 'user'
                      CHECK (pin_type IN ('user', 'auto', 'code', 'concept', 'system')),
    source            TEXT    NOT NULL DEFAULT 'user' -- who found it
                      CHECK (source IN ('user', 'rule', 'model')),
    rule              TEXT, -- what it was found to be, such as a preference; NULL: the user set it
    rejected_at       INTEGER, -- set: the user wants it gone, and not found again
    created_at        INTEGER NOT NULL,
    CHECK ((session_id IS NOT NULL) = (scope = 'session')),
    CHECK ((persona_id IS NOT NULL) = (scope = 'persona'))
) STRICT;

INSERT INTO pins_of_any_scope
    (id, session_id, content, source_message_id, importance_score, pin_type, created_at)
SELECT id, session_id, content, source_message_id, importance_score, pin_type, created_at
FROM semantic_pins;

DROP TABLE semantic_pins;
ALTER TABLE pins_of_any_scope RENAME TO semantic_pins;

-- One index a scope, each in the order of a list, so that a list is a merge of three range scans.
CREATE INDEX pins_by_session
    ON semantic_pins (session_id, importance_score DESC, created_at DESC, id DESC)
    WHERE session_id IS NOT NULL;
CREATE INDEX pins_by_persona
    ON semantic_pins (persona_id, importance_score DESC, created_at DESC, id DESC)
    WHERE persona_id IS NOT NULL;
CREATE INDEX pins_everywhere
    ON semantic_pins (importance_score DESC, created_at DESC, id DESC)
    WHERE scope = 'all';
CREATE INDEX pins_rejected ON semantic_pins (rejected_at) WHERE rejected_at IS NOT NULL;
CREATE INDEX pins_by_source ON semantic_pins (source_message_id)
    WHERE source_message_id IS NOT NULL;

-- 1: the name is the user's word, and no recap takes its place.
ALTER TABLE sessions ADD COLUMN named_by_user INTEGER NOT NULL DEFAULT 0
    CHECK (named_by_user IN (0, 1));
UPDATE sessions SET named_by_user = 1;

-- What a call was for. All but replies are about the message they name, and did not write it.
ALTER TABLE generations ADD COLUMN purpose TEXT NOT NULL DEFAULT 'reply'
    CHECK (purpose IN ('reply', 'summary', 'recap', 'pins'));
