#!/usr/bin/env python3
"""Print what a database file holds, as JSON: what SQLite's own checks say, and some tables.

    inspect.py FILE

Only ever given a copy, or the file of an app that has ended: a second opener of a live file
would drop SQLite's locks.
"""
import json
import sqlite3
import sys


def rows(database, query):
    return [dict(row) for row in database.execute(query)]


database = sqlite3.connect(sys.argv[1])
database.row_factory = sqlite3.Row
print(json.dumps({
    "integrity": [row[0] for row in database.execute("PRAGMA integrity_check")],
    "foreignKeys": [list(row) for row in database.execute("PRAGMA foreign_key_check")],
    "sessions": rows(database, "SELECT id, name, head_id AS headId FROM sessions ORDER BY id"),
    "messages": rows(database, """
        SELECT id, session_id AS sessionId, parent_id AS parentId, role, text, status
        FROM messages ORDER BY id"""),
}))
