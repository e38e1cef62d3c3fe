-- The way down a branch, read from the index alone: search asks of every message that it found
-- whether it is on the branch on show, and read a row for each step.

PRAGMA user_version = 10;

DROP INDEX messages_by_session;

CREATE INDEX messages_by_session ON messages (session_id, id, parent_id);
