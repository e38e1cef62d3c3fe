-- The usage ledger: one row for every call to a model.
--
-- It outlives the message and the session it names, so neither is a foreign key, and it is only
-- ever added to: what was spent stays spent.

PRAGMA user_version = 2;

CREATE TABLE generations (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id        TEXT    NOT NULL,
    message_id        INTEGER NOT NULL,
    provider          TEXT    NOT NULL, -- the endpoint's id
    model             TEXT    NOT NULL, -- the provider's own name for it
    prompt_tokens     INTEGER CHECK (prompt_tokens >= 0), -- NULL: not reported
    completion_tokens INTEGER CHECK (completion_tokens >= 0),
    first_token_ms    INTEGER CHECK (first_token_ms >= 0), -- NULL: no token came
    total_ms          INTEGER CHECK (total_ms >= 0), -- NULL: the app was ended before the call was
    status            TEXT    NOT NULL CHECK (status IN ('complete', 'interrupted', 'failed')),
    error             TEXT, -- what the user was told; never any text of a message
    created_at        INTEGER NOT NULL
) STRICT;

CREATE INDEX generations_by_message ON generations (message_id);

CREATE TRIGGER generations_are_not_changed BEFORE UPDATE ON generations
BEGIN
    SELECT RAISE(ABORT, 'generations are append-only');
END;

CREATE TRIGGER generations_are_not_deleted BEFORE DELETE ON generations
BEGIN
    SELECT RAISE(ABORT, 'generations are append-only');
END;
