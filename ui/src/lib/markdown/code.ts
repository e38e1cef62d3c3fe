/** Code with its colours, language label and buttons to copy and to pin it, as HTML. */
import hljs from "highlight.js/lib/common";
import { escapeHtml } from "./escape";

/** In UTF-16 units; longer code is shown without colours, as finding them would take seconds. */
const HIGHLIGHT_CHARS_MAX = 60_000;

/** The HTML of a code block. Everything that came from the text is escaped. */
export function codeHtml(code: string, info: string | undefined): string {
  const language = info?.trim().split(/\s+/)[0] ?? "";
  const label = escapeHtml(hljs.getLanguage(language)?.name ?? language);
  return (
    `<div class="md-code"><div class="md-code-bar"><span>${label || "Text"}</span>` +
    `<span class="md-code-actions">` +
    `<button type="button" class="md-pin" aria-label="Pin the code">Pin</button>` +
    `<button type="button" class="md-copy" aria-label="Copy the code">Copy</button>` +
    `</span></div>` +
    `<pre tabindex="0"><code class="hljs">${highlight(code, language)}</code></pre></div>`
  );
}

function highlight(code: string, language: string): string {
  const known = hljs.getLanguage(language) !== undefined;
  if (!known || code.length > HIGHLIGHT_CHARS_MAX) return escapeHtml(code);
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
