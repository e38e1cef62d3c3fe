/** The name a new session gets until its user gives it another. */

/** In characters as people count them. */
export const SESSION_NAME_CHARS_MAX = 60;
const FALLBACK = "New session";

/** Names a session after the first line of its first message, cut at a word. */
export function sessionName(text: string): string {
  const line = text
    .split(/\r?\n/)
    .map(plain)
    .find((candidate) => candidate !== "");
  return line === undefined ? FALLBACK : shorten(line);
}

/** A line without Markdown's marks at its start, fences and doubled spaces. */
function plain(line: string): string {
  return line
    .replace(/^\s*(?:```\S*|#{1,6}\s|>\s?|[-*+]\s|\d+[.)]\s)\s*/, "")
    .replace(/\s+/g, " ")
    .trim();
}

function shorten(line: string): string {
  const characters = [...new Intl.Segmenter().segment(line)].map((part) => part.segment);
  if (characters.length <= SESSION_NAME_CHARS_MAX) return line;
  const cut = characters.slice(0, SESSION_NAME_CHARS_MAX - 1).join("");
  const word = cut.lastIndexOf(" ");
  // A cut in the last third keeps most of the line; a longer word is broken instead.
  return `${(word > cut.length * 0.66 ? cut.slice(0, word) : cut).trimEnd()}…`;
}
