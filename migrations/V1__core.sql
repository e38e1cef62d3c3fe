-- What a person's history is made of: personas, sessions, messages, summaries and pins.
--
-- Every time is INTEGER milliseconds since the Unix epoch, UTC. Every score is REAL in 0 to 1.
-- Ids are UUIDv7 text, but for messages: full-text and vector rows key on their integer id, and
-- only an explicit INTEGER PRIMARY KEY is promised to stay the same through a VACUUM.

PRAGMA application_id = 1128811344; -- 0x43484B50, "CHKP"
PRAGMA user_version = 1;

CREATE TABLE personas (
    id               TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    prompt           TEXT    NOT NULL DEFAULT '', -- the system prompt
    description      TEXT    NOT NULL DEFAULT '',
    icon             TEXT    NOT NULL DEFAULT '', -- an emoji, or nothing
    category         TEXT    NOT NULL CHECK (category IN ('cloud', 'local')),
    default_model    TEXT, -- "endpoint/model"; NULL: the session's choice
    suggested_models TEXT    NOT NULL DEFAULT '[]' CHECK (json_type(suggested_models) = 'array'),
    -- NULL in a parameter means that it is not sent, and the provider's own default holds.
    temperature      REAL    CHECK (temperature BETWEEN 0 AND 2),
    max_tokens       INTEGER CHECK (max_tokens > 0),
    top_p            REAL    CHECK (top_p BETWEEN 0 AND 1),
    repeat_penalty   REAL    CHECK (repeat_penalty BETWEEN 0 AND 2),
    stop_sequences   TEXT    NOT NULL DEFAULT '[]' CHECK (json_type(stop_sequences) = 'array'),
    is_default       INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

-- At most one default a category.
CREATE UNIQUE INDEX personas_default ON personas (category) WHERE is_default = 1;

CREATE TABLE sessions (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    model       TEXT, -- "endpoint/model"; NULL: none chosen yet
    recap       TEXT, -- one line on what the session is about
    persona_id  TEXT    REFERENCES personas (id) ON DELETE SET NULL,
    saved       INTEGER NOT NULL DEFAULT 1 CHECK (saved IN (0, 1)), -- 0: temporary
    expires_at  INTEGER CHECK ((expires_at IS NULL) = (saved = 1)), -- temporary sessions only
    head_id     INTEGER REFERENCES messages (id) ON DELETE SET NULL, -- newest message of the branch on show
    archived_at INTEGER,
    deleted_at  INTEGER, -- set: in the trash
    pinned      INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL -- the last time a message came or went
) STRICT;

-- One index a shelf, each in the order of its list, so that a page is a range scan.
CREATE INDEX sessions_active ON sessions (pinned DESC, updated_at DESC, id DESC)
    WHERE archived_at IS NULL AND deleted_at IS NULL;
CREATE INDEX sessions_archived ON sessions (pinned DESC, updated_at DESC, id DESC)
    WHERE archived_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX sessions_trash ON sessions (pinned DESC, updated_at DESC, id DESC)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX sessions_expiring ON sessions (expires_at) WHERE expires_at IS NOT NULL;
-- Without it, deleting a message scans every session for the foreign key.
CREATE INDEX sessions_head ON sessions (head_id) WHERE head_id IS NOT NULL;

CREATE TABLE messages (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    uid              TEXT    NOT NULL UNIQUE, -- UUIDv7, the same on every machine
    session_id       TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- A tree: editing or regenerating makes a sibling, nothing is overwritten. A parent is always
    -- older than its children and in the same session.
    parent_id        INTEGER REFERENCES messages (id) CHECK (parent_id < id),
    -- Spelled with OR, here and below: for IN, SQLite builds a table at every insert, which made
    -- the checks half of what an insert costs.
    role             TEXT    NOT NULL
                     CHECK (role = 'user' OR role = 'assistant' OR role = 'system' OR role = 'tool'),
    text             TEXT    NOT NULL,
    model_id         TEXT, -- "endpoint/model" that wrote it; NULL: a person did
    token_usage      INTEGER CHECK (token_usage >= 0),
    importance_score REAL    NOT NULL DEFAULT 0.5 CHECK (importance_score BETWEEN 0 AND 1),
    status           TEXT    NOT NULL DEFAULT 'complete'
                     CHECK (status = 'complete' OR status = 'streaming' OR status = 'interrupted'
                         OR status = 'failed'),
    created_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX messages_by_session ON messages (session_id); -- the id follows by itself
CREATE INDEX messages_by_parent ON messages (parent_id) WHERE parent_id IS NOT NULL;
-- Recovery at start finds the replies that a crash cut, without a scan.
CREATE INDEX messages_streaming ON messages (id) WHERE status = 'streaming';

CREATE TABLE conversation_summaries (
    id               TEXT    NOT NULL PRIMARY KEY,
    session_id       TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    summary          TEXT    NOT NULL,
    message_count    INTEGER NOT NULL CHECK (message_count > 0),
    -- A range of ids along a branch, both ends in it. No foreign key: the range keeps its meaning
    -- when a message at one of its ends is deleted.
    start_message_id INTEGER NOT NULL,
    end_message_id   INTEGER NOT NULL CHECK (end_message_id >= start_message_id),
    importance_score REAL    NOT NULL DEFAULT 0.7 CHECK (importance_score BETWEEN 0 AND 1),
    created_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX summaries_by_session
    ON conversation_summaries (session_id, created_at DESC, id DESC);

CREATE TABLE semantic_pins (
    id                TEXT    NOT NULL PRIMARY KEY,
    session_id        TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    content           TEXT    NOT NULL,
    source_message_id INTEGER REFERENCES messages (id) ON DELETE SET NULL,
    importance_score  REAL    NOT NULL DEFAULT 0.8 CHECK (importance_score BETWEEN 0 AND 1),
    pin_type          TEXT    NOT NULL DEFAULT 'user'
                      CHECK (pin_type IN ('user', 'auto', 'code', 'concept', 'system')),
    created_at        INTEGER NOT NULL
) STRICT;

CREATE INDEX pins_by_session
    ON semantic_pins (session_id, importance_score DESC, created_at DESC, id DESC);
CREATE INDEX pins_by_source ON semantic_pins (source_message_id)
    WHERE source_message_id IS NOT NULL;

INSERT INTO personas
    (id, name, prompt, description, icon, category, temperature, max_tokens, top_p, is_default,
     created_at, updated_at)
VALUES
    ('default-cloud', 'Assistant',
     'You are a helpful assistant. Answer clearly and to the point; say so when you are not sure.',
     'For models in the cloud, which know much and write long answers well.', '☁️', 'cloud',
     0.7, 4096, 1.0, 1, 0, 0),
    ('default-local', 'Local assistant',
     'You are a helpful assistant. Keep answers short and exact.',
     'For models on this computer, which do best with short, plain instructions.', '💻', 'local',
     0.7, 2048, 0.9, 1, 0, 0);
