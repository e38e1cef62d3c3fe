-- What the app itself remembers: where models are reached, unsent drafts, settings.
-- API keys are not here, and never in this file: they lie in the system's keychain.

PRAGMA user_version = 3;

CREATE TABLE endpoints (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (id NOT GLOB '*[^a-z0-9-]*' AND id <> ''),
    kind       TEXT    NOT NULL
               CHECK (kind IN ('ollama', 'openai_compatible', 'openai', 'anthropic', 'gemini')),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    base_url   TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE drafts (
    session_id TEXT    UNIQUE REFERENCES sessions (id) ON DELETE CASCADE, -- NULL: the new chat's
    text       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT;
