import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message, Session } from "../../src/lib/ipc/bindings";
import { INSPECTOR } from "./paths";

/** What a database file holds, read by a SQLite that is not the app's. */
export type Contents = {
  integrity: string[];
  foreignKeys: unknown[];
  sessions: Pick<Session, "id" | "name" | "headId">[];
  messages: Pick<Message, "id" | "sessionId" | "parentId" | "role" | "text" | "status">[];
};

/** The database's name inside a data folder. */
export const DATABASE = "chatkeep.db";

/** Reads a copy of the database and its write-ahead log, so that the original stays as it was. */
export function inspect(dataDir: string): Contents {
  const copy = mkdtempSync(join(tmpdir(), "chatkeep-copy-"));
  try {
    for (const suffix of ["", "-wal"]) {
      const file = join(dataDir, DATABASE + suffix);
      if (existsSync(file)) cpSync(file, join(copy, DATABASE + suffix));
    }
    return JSON.parse(execFileSync("python3", [INSPECTOR, join(copy, DATABASE)], inspectOptions));
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Changes the database of an app that has ended, as another program would. */
export function execute(dataDir: string, sql: string): void {
  const script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])";
  execFileSync("python3", ["-c", script, join(dataDir, DATABASE), sql]);
}

const inspectOptions = { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 } as const;
