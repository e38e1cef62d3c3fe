/**
 * Cuts Markdown into its top-level blocks, and keeps the finished ones while a
 * reply streams in: only the last block can still change, so only it is read
 * again. What a frame costs does not grow with the length of the reply.
 */
import { Lexer, type Token } from "marked";

/** A top-level block. `start` is its offset in the text: its identity while text is appended. */
export type Block = { start: number; token: Token };

const LEXER_OPTIONS = { gfm: true, breaks: false };

/** Reads the blocks of one text that may grow at its end. */
export class BlockReader {
  #text = "";
  #blocks: Block[] = [];

  /** The blocks of `text`; those before the last are the same objects as last time. */
  read(text: string): Block[] {
    const source = text.replaceAll(/\r\n?/g, "\n");
    const kept = source.startsWith(this.#text) ? this.#blocks.slice(0, -1) : [];
    const from = kept.length > 0 ? this.#blocks[kept.length]!.start : 0;
    this.#text = source;
    this.#blocks = [...kept, ...lex(source, from)];
    return this.#blocks;
  }
}

function lex(source: string, from: number): Block[] {
  const blocks: Block[] = [];
  let start = from;
  for (const token of Lexer.lex(source.slice(from), LEXER_OPTIONS)) {
    if (token.type !== "space" && token.type !== "def") blocks.push({ start, token });
    start += token.raw.length;
  }
  return blocks;
}
