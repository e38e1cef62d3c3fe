/** The limit the store sets to a message, known here so that nobody waits to be refused. */
import { formatBytes } from "$lib/bytes";

/** In bytes of UTF-8. */
export const MESSAGE_BYTES_MAX = 10 * 1024 * 1024;
/** No UTF-16 unit takes more bytes than this in UTF-8. */
const BYTES_PER_UNIT_MAX = 3;

/** Why a text is too long to be sent, or null. */
export function tooLong(text: string): string | null {
  if (text.length * BYTES_PER_UNIT_MAX <= MESSAGE_BYTES_MAX) return null;
  const bytes = new Blob([text]).size;
  if (bytes <= MESSAGE_BYTES_MAX) return null;
  const [most, size] = [MESSAGE_BYTES_MAX, bytes].map(formatBytes);
  return `The text is too long: at most ${most} are possible, this is ${size}.`;
}
