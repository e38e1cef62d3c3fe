/** Turns one block of Markdown into safe HTML. */
import { Marked, type Token, type Tokens } from "marked";
import { codeHtml } from "./code";
import { escapeHtml } from "./escape";
import { sanitize } from "./sanitize";

/** How many blocks stay rendered for when a message is scrolled back into view. */
const CACHE_BLOCKS_MAX = 600;
const cache = new Map<string, string>();

const markdown = new Marked({
  gfm: true,
  renderer: {
    code: ({ text, lang }) => codeHtml(text, lang),
    heading,
    image,
    checkbox: ({ checked }) =>
      `<span class="md-task" role="img" aria-label="${checked ? "done" : "to do"}">` +
      `${checked ? "☑" : "☐"}</span> `,
    table(token) {
      const table = tableHtml.call(this, token);
      return `<div class="md-table" tabindex="0">${table}</div>`;
    },
  },
});

/** The HTML of a block, safe to put into the page. */
export function blockHtml(token: Token): string {
  if (!isSelfContained(token)) return render(token);
  const known = cache.get(token.raw);
  if (known !== undefined) return known;
  const html = render(token);
  if (cache.size >= CACHE_BLOCKS_MAX) cache.delete(cache.keys().next().value!);
  cache.set(token.raw, html);
  return html;
}

/** Whether the block looks the same wherever it stands: "[a][1]" depends on a line elsewhere. */
function isSelfContained(token: Token): boolean {
  return token.type === "code" || !token.raw.includes("]");
}

/** Code comes out of codeHtml escaped; sanitising its many spans again would cost ten times more. */
function render(token: Token): string {
  if (token.type === "code") return codeHtml(token.text, token.lang);
  return sanitize(markdown.parser([token]));
}

type RendererThis = { parser: { parseInline(tokens: Token[]): string } };

/** A reply's headings stand below the message's own, which is of level 2. */
function heading(this: RendererThis, { tokens, depth }: Tokens.Heading): string {
  const level = Math.min(depth + 2, 6);
  return `<h${level} class="md-h${depth}">${this.parser.parseInline(tokens)}</h${level}>`;
}

/** Pictures on the network would tell their server what is read here: they become links. */
function image({ href, text }: Tokens.Image): string {
  const label = escapeHtml(text || "Picture");
  if (href.startsWith("data:image/")) return `<img src="${escapeHtml(href)}" alt="${label}">`;
  return `<a class="md-picture" href="${escapeHtml(href)}">${label} (picture, not loaded)</a>`;
}

function tableHtml(this: RendererThis, { header, rows }: Tokens.Table): string {
  const cell = (tag: "th" | "td", { tokens, align }: Tokens.TableCell) =>
    `<${tag}${align ? ` align="${align}"` : ""}>${this.parser.parseInline(tokens)}</${tag}>`;
  // An empty corner heads nothing.
  const head = header.map((one) => cell(one.text === "" ? "td" : "th", one)).join("");
  const body = rows.map((cells) => `<tr>${cells.map((one) => cell("td", one)).join("")}</tr>`);
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}
