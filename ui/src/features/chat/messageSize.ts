/** The limit the store sets to a message, known here so that nobody waits to be refused. */

const MIB = 1024 * 1024;
/** In bytes of UTF-8. */
export const MESSAGE_BYTES_MAX = 10 * MIB;
/** No UTF-16 unit takes more bytes than this in UTF-8. */
const BYTES_PER_UNIT_MAX = 3;

/** Why a text is too long to be sent, in the backend's words, or null. */
export function tooLong(text: string): string | null {
  if (text.length * BYTES_PER_UNIT_MAX <= MESSAGE_BYTES_MAX) return null;
  const bytes = new Blob([text]).size;
  if (bytes <= MESSAGE_BYTES_MAX) return null;
  return `Text: at most ${mib(MESSAGE_BYTES_MAX)} are possible, this is ${mib(bytes)}`;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
