import { describe, expect, it } from "vitest";
import { BlockReader } from "./blocks";

const kinds = (text: string) => new BlockReader().read(text).map(({ token }) => token.type);

describe("BlockReader", () => {
  it("cuts a text into its top-level blocks", () => {
    expect(kinds("# A\n\nb\n\n- c\n- d\n\n```js\ne\n```\n")).toEqual([
      "heading",
      "paragraph",
      "list",
      "code",
    ]);
  });

  it("reads a fence that is not closed yet as code", () => {
    const [block] = new BlockReader().read("```rust\nfn main() {");
    expect(block?.token).toMatchObject({ type: "code", lang: "rust", text: "fn main() {" });
  });

  it("keeps the finished blocks as they are while text is appended", () => {
    const reader = new BlockReader();
    const before = reader.read("one\n\ntwo\n\nthr");
    const after = reader.read("one\n\ntwo\n\nthree");
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[2]?.token.raw).toBe("three");
  });

  it("ends with the same blocks however the text was cut on its way", () => {
    const text =
      "Title\n===\n\n- a\n\n- b\n  - c\n\n    still c\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n" +
      "> quote\ncontinued\n\n~~~\n```\n~~~\n\n1. one\n2. two\r\n\r\nend **bold** `code`\n";
    const whole = new BlockReader().read(text);
    for (const step of [1, 2, 3, 7, 19]) {
      const reader = new BlockReader();
      for (let end = step; end < text.length; end += step) reader.read(text.slice(0, end));
      const grown = reader.read(text);
      expect(grown.map(({ start, token }) => [start, token.raw])).toEqual(
        whole.map(({ start, token }) => [start, token.raw]),
      );
    }
  });

  it("starts over when the text is another one", () => {
    const reader = new BlockReader();
    reader.read("a\n\nb\n\nc");
    expect(reader.read("x\n\ny").map(({ token }) => token.raw)).toEqual(["x", "y"]);
  });
});
