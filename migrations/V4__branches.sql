-- Branches and the trash: how deep a message stands, and how one is deleted so that it can come back.

PRAGMA user_version = 4;

-- How many messages its branch has up to and with it, from 1: so that a range of a branch is counted
-- without being read.
ALTER TABLE messages ADD COLUMN depth INTEGER NOT NULL DEFAULT 1 CHECK (depth > 0);
-- Set: in the trash. Nothing that is on show stands below such a message.
ALTER TABLE messages ADD COLUMN deleted_at INTEGER;

WITH RECURSIVE tree (id, depth) AS (
    SELECT id, 1 FROM messages WHERE parent_id IS NULL
    UNION ALL
    SELECT messages.id, tree.depth + 1
    FROM tree
    JOIN messages ON messages.parent_id = tree.id
)
UPDATE messages SET depth = tree.depth FROM tree WHERE tree.id = messages.id;

-- First messages, which have no parent to be found by.
CREATE INDEX messages_roots ON messages (session_id) WHERE parent_id IS NULL;
CREATE INDEX messages_trash ON messages (deleted_at) WHERE deleted_at IS NOT NULL;

-- Where a message stood before its parent went to the trash on its own and it moved up: once for each
-- of those parents that are in the trash.
CREATE TABLE moved_messages (
    id        INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    parent_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (id, parent_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX moved_messages_by_parent ON moved_messages (parent_id);
