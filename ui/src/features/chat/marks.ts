/**
 * Marks words in a message without touching its elements, which the renderer owns.
 *
 * By the CSS Custom Highlight API: <https://www.w3.org/TR/css-highlight-api-1/>. Where a web view
 * lacks it, the message is gone to and its words are not marked.
 */
const NAME = "searched";

/** Marks the words in the text of an element. False where none of them is in it yet. */
export function mark(element: HTMLElement, words: string[]): boolean {
  const ranges = textNodes(element).flatMap((node) => rangesIn(node, words));
  if (ranges.length > 0) CSS.highlights?.set(NAME, new Highlight(...ranges));
  return ranges.length > 0;
}

/** Takes the marks away. */
export function unmark(): void {
  CSS.highlights?.delete(NAME);
}

function textNodes(element: HTMLElement): Text[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  while (walker.nextNode()) nodes.push(walker.currentNode as Text);
  return nodes;
}

function rangesIn(node: Text, words: string[]): Range[] {
  return words.flatMap((word) => occurrences(node.data, word).map((at) => range(node, at, word)));
}

/** Where a word stands in a text, as it was found there: its case and accents are the same. */
export function occurrences(text: string, word: string): number[] {
  const found: number[] = [];
  if (word === "") return found;
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + word.length)) {
    found.push(at);
  }
  return found;
}

function range(node: Text, at: number, word: string): Range {
  const marked = document.createRange();
  marked.setStart(node, at);
  marked.setEnd(node, at + word.length);
  return marked;
}
