-- Which store this is. A backup carries it, so that a restore can tell the history of this person
-- from that of another computer or another data folder.

PRAGMA user_version = 6;

CREATE TABLE store_identity (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), -- one row
    uid  TEXT    NOT NULL CHECK (length(uid) = 36) -- UUID, made once and kept through every restore
) STRICT;

-- A version 4 UUID by its layout, RFC 9562; SQLite has no function for one.
INSERT INTO store_identity (only, uid)
SELECT 1, substr(r, 1, 8) || '-' || substr(r, 9, 4) || '-4' || substr(r, 14, 3) || '-'
          || substr('89ab', 1 + (abs(random()) % 4), 1) || substr(r, 18, 3) || '-' || substr(r, 21, 12)
FROM (SELECT lower(hex(randomblob(16))) AS r);
