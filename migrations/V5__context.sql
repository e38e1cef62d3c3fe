-- What a model is sent, and why: token counts, what was learned of models, what the user decided.

PRAGMA user_version = 5;

-- Tokens of the text by the o200k vocabulary; NULL: not counted yet. A model's own count is this
-- times the ratio learned for it.
ALTER TABLE messages ADD COLUMN token_count INTEGER CHECK (token_count >= 0);
-- 1: importance_score is the user's word, and no rule changes it.
ALTER TABLE messages ADD COLUMN importance_by_user INTEGER NOT NULL DEFAULT 0
    CHECK (importance_by_user = 0 OR importance_by_user = 1);

-- What is known of a model, by its "endpoint/model".
CREATE TABLE model_profiles (
    model          TEXT    NOT NULL PRIMARY KEY,
    token_ratio    REAL    NOT NULL DEFAULT 1 CHECK (token_ratio > 0), -- reported tokens to counted ones
    samples        INTEGER NOT NULL DEFAULT 0 CHECK (samples >= 0), -- calls that the ratio is from
    context_window INTEGER CHECK (context_window > 0) -- tokens, as the user set it; NULL: as is known
) STRICT;

-- What the user keeps out of a session's context.
CREATE TABLE context_exclusions (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    part       TEXT NOT NULL CHECK (part IN ('pin', 'summary', 'message')),
    item_id    TEXT NOT NULL,
    PRIMARY KEY (session_id, part, item_id)
) STRICT, WITHOUT ROWID;
