/** A reply that uses everything the message view draws, and a script that it must not run. */
export const LETTER = `## Why the WAL grows

A **write-ahead log** grows while a reader holds an old snapshot. Three things keep it small:

1. short read transactions,
2. a checkpoint after each burst of writes,
3. \`PRAGMA wal_autocheckpoint\`, in *pages*.

| setting | value | why |
|---|---:|---|
| \`synchronous\` | FULL | your words survive a power cut |
| \`busy_timeout\` | 5000 | waits, then says so |

\`\`\`rust
fn checkpoint(db: &Connection) -> Result<()> {
    db.pragma_update(None, "wal_checkpoint", "TRUNCATE")
}
\`\`\`

> Measure before you tune.

<script>document.title = "hacked"</script><img src=x onerror="document.title='hacked'">

日本語も、ελληνικά, العربية und Grüße 🎉 are drawn too. See [the SQLite page](https://sqlite.org/wal.html).
`;
