/** Made-up conversations. */
import type { Session } from "../src/lib/ipc/bindings";

type Conversation = Partial<Session> & { name: string; hoursAgo: number; turns: string[] };

export const FAILED_REPLY =
  "Anthropic did not answer within 30 seconds. Check the network, then try again.";

export const TOPICS = [
  "Sourdough starter schedule",
  "Regex for ISO dates",
  "Trip to Lisbon",
  "Refactoring the parser",
  "Letter to the landlord",
  "Kubernetes probes",
  "What is a monad, really",
  "Piano practice plan",
];

const WAL_REPLY = `WAL is the better default for a desktop app. The short version:

| | Rollback journal | WAL |
|---|---|---|
| Readers during a write | wait | go on |
| Commit cost | two fsyncs | one fsync |
| Files | one | three while open |
| Network folders | slow | **not safe** |

Three things to get right:

1. **Set it once**, before the connection pool opens. The mode is kept in the file.
2. **Pick \`synchronous\` per kind of data.** \`NORMAL\` may lose the last commits on a power cut.
   - Words a person typed: \`FULL\`
   - What can be redone: \`NORMAL\`
3. **Never copy the live file.** Use the backup API instead.

\`\`\`rust
/// Opens the writer with the settings that every write relies on.
pub fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.busy_timeout(Duration::from_millis(5_000))?;
    Ok(connection)
}
\`\`\`

> A checkpoint never blocks readers, but one long reader keeps the WAL from shrinking.

More in [the SQLite documentation](https://sqlite.org/wal.html).`;

const PYTHON_REPLY = `Here is a small, typed version:

\`\`\`python
from collections.abc import Iterable, Iterator
from itertools import islice

def batched[T](items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yields tuples of at most \`size\` items."""
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}")
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch
\`\`\`

- [x] Works for any iterable, also for generators
- [x] Never holds more than one batch
- [ ] Parallel batches: use \`concurrent.futures\` on top

Python 3.12 has \`itertools.batched\`, which does exactly this.`;

const LETTER_REPLY = `Dear Ms Okafor,

Thank you for coming by on Tuesday to look at the heating. It has been off again since Wednesday evening, and the flat was at 14 °C this morning.

Could you let me know by Friday when the engineer will come? I am at home every day after four, and the neighbour in 2B has a key for any other time.

Kind regards,
Ada`;

export const CONVERSATIONS: Conversation[] = [
  {
    name: "WAL or rollback journal?",
    recap: "Chose WAL, FULL commits for what people type",
    hoursAgo: 0.05,
    pinned: true,
    turns: [
      "I'm building a desktop app on SQLite. Should I use WAL or the default rollback journal?",
      WAL_REPLY,
      "And what happens to the -wal file when the app crashes?",
      "Nothing bad. The next open finds the `-wal` file, checks each frame's checksum, and replays the transactions that were **committed**. What was half-written is ignored.\n\nTwo rules keep it that way:\n\n- never delete the `-wal` file yourself, and\n- never move the database without it.",
      "Is there a size at which I should worry?",
      "Not by itself. By default SQLite checkpoints after 1,000 pages (about 4 MB). If the file keeps growing past that, some reader is holding an old snapshot open: find it, and close it sooner.",
    ],
  },
  {
    name: "Batching an iterator in Python",
    hoursAgo: 2,
    model: "ollama/qwen2.5-coder:7b",
    personaId: "p-rust",
    turns: ["How do I split an iterable into batches in Python, with types?", PYTHON_REPLY],
  },
  {
    name: "Why the build is slow",
    hoursAgo: 5,
    turns: ["My Rust build takes 6 minutes. Where do I start?", " "],
  },
  {
    name: "Draft for tonight",
    hoursAgo: 7,
    saved: false,
    expiresAt: Date.now() + 17 * 3_600_000,
    turns: [
      "Give me three opening lines for a toast at my sister's wedding.",
      '1. "Most of you know her as the bride. I know her as the person who taught me to cheat at cards."\n2. "I was asked to keep this short, which is what she always asked of me."\n3. "Nobody has ever been so late to so many things and so on time for this one."',
    ],
  },
  {
    name: "Letter about the heating",
    hoursAgo: 26,
    personaId: "p-editor",
    turns: [
      "Make this friendlier but firm: heating is off again since wed, 14 degrees, when does the engineer come",
      LETTER_REPLY,
    ],
  },
  {
    name: "Names for a reading app",
    hoursAgo: 30,
    turns: [
      "Ten names for a reading app.",
      "Marginalia, Dog-ear, Folio, Verso, Quire, Colophon, Octavo, Leaf, Recto, Bookend.",
    ],
  },
  {
    name: "Explaining entropy to a ten-year-old",
    hoursAgo: 60,
    turns: [
      "Explain entropy to a ten-year-old.",
      "Imagine your room. There is one way for it to be tidy, and a thousand ways for it to be a mess. If you move things about without thinking, you nearly always end in one of the thousand.\n\nThat is entropy: **there are more messy ways than tidy ones.**",
    ],
  },
  {
    name: "Tokio select! and cancellation",
    hoursAgo: 90,
    personaId: "p-rust",
    turns: [
      "Is tokio::select! cancel safe?",
      "It depends on the futures, not on `select!`. The losing branches are dropped where they stand.",
    ],
  },
  {
    name: "Packing list for the Dolomites",
    hoursAgo: 150,
    turns: [
      "Packing list, hut to hut, 6 days in September.",
      "Layers, a real rain shell, a liner for the huts, cash, and poles.",
    ],
  },
  {
    name: "SQL: gaps and islands",
    hoursAgo: 400,
    turns: [
      "Find gaps in a sequence of ids.",
      "Use `LEAD(id) OVER (ORDER BY id)` and keep rows where it is more than one ahead.",
    ],
  },
  {
    name: "日本語の敬語について",
    hoursAgo: 900,
    turns: [
      "「いただく」と「くださる」の違いは？",
      "**いただく**は自分の側を下げ、**くださる**は相手を上げます。",
    ],
  },
];
