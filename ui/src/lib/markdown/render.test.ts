import { describe, expect, it } from "vitest";
import { BlockReader } from "./blocks";
import { blockHtml } from "./render";

function page(markdown: string): HTMLElement {
  const element = document.createElement("div");
  const blocks = new BlockReader().read(markdown);
  element.innerHTML = blocks.map(({ token }) => blockHtml(token)).join("");
  return element;
}

describe("what a reply cannot do", () => {
  const attacks = {
    "run a script": '<script>alert(1)</script><img src="x" onerror="alert(1)">',
    "hide a script in a picture":
      '<svg><script>alert(1)</script><animate onbegin="alert(1)"/></svg>',
    "hide a script in a link": "[go](javascript:alert(1)) <a href=' javascript:alert(1)'>go</a>",
    "open a frame":
      '<iframe srcdoc="<script>alert(1)</script>"></iframe><object data="x"></object>',
    "ask for a password": '<form action="https://evil.example"><input name="password"></form>',
    "lie in code": '```"><script>alert(1)</script>\n<script>alert(2)</script>\n```',
    "lie in a table": '| <img src=x onerror=alert(1)> |\n|---|\n| <b onclick="alert(1)">x</b> |',
    "restyle the window": '<style>body{display:none}</style><p style="position:fixed">x</p>',
  };

  for (const [name, markdown] of Object.entries(attacks)) {
    it(`cannot ${name}`, () => {
      const element = page(markdown);
      expect(element.querySelector("script, iframe, object, form, input, style, svg *")).toBeNull();
      for (const node of element.querySelectorAll("*")) {
        for (const { name: attribute, value } of node.attributes) {
          expect(attribute).not.toMatch(/^on|^style$|^srcdoc$/);
          expect(value).not.toMatch(/javascript:/i);
        }
      }
    });
  }

  it("cannot borrow the looks of the window by a class", () => {
    const [element] = page('<p class="dialog-overlay md-code">x</p>').children;
    expect(element?.className).toBe("md-code");
  });

  it("cannot load a picture from the network", () => {
    const element = page(
      "![A cat](https://evil.example/cat.png) <img src='https://evil.example/b'>",
    );
    expect(element.querySelector("img")).toBeNull();
    const link = element.querySelector("a");
    expect(link?.getAttribute("href")).toBe("https://evil.example/cat.png");
    expect(link?.textContent).toContain("A cat");
  });
});

describe("how a reply looks", () => {
  it("shows a picture that it brings along", () => {
    const image = page("![dot](data:image/png;base64,iVBORw0KGgo=)").querySelector("img");
    expect(image?.alt).toBe("dot");
  });

  it("colours code of a known language, names it and offers to copy and to pin it", () => {
    const element = page("```rust\nlet x = 1; // <b>\n```");
    expect(element.querySelector(".hljs-keyword")?.textContent).toBe("let");
    expect(element.querySelector(".md-code-bar span")?.textContent).toBe("Rust");
    expect(element.querySelector("code")?.textContent).toBe("let x = 1; // <b>");
    expect(element.querySelector("button.md-copy")).not.toBeNull();
    expect(element.querySelector("button.md-pin")).not.toBeNull();
  });

  it("shows code of an unknown language as it is", () => {
    const element = page("```nonsense\na < b && c\n```");
    expect(element.querySelector("code")?.innerHTML).toBe("a &lt; b &amp;&amp; c");
  });

  it("shows tables, with their alignment, and task lists", () => {
    const element = page("| n | |\n|--:|---|\n| 1 | **b** |\n\n- [x] done\n- [ ] open");
    expect(element.querySelector("th")?.getAttribute("align")).toBe("right");
    expect(element.querySelector(".md-table")?.getAttribute("tabindex")).toBe("0");
    expect(element.querySelectorAll("th")).toHaveLength(1);
    expect(element.querySelector("td strong")?.textContent).toBe("b");
    const boxes = [...element.querySelectorAll(".md-task")];
    expect(boxes.map((box) => box.getAttribute("aria-label"))).toEqual(["done", "to do"]);
  });

  it("puts its headings below those of the window", () => {
    expect(page("# Top").querySelector("h3.md-h1")?.textContent).toBe("Top");
    expect(page("###### Deep").querySelector("h6")?.textContent).toBe("Deep");
  });

  it("finds the target of a link wherever it stands", () => {
    const first = page("[a][1] and more\n\n[1]: https://one.example");
    const second = page("[a][1] and more\n\n[1]: https://two.example");
    expect(first.querySelector("a")?.getAttribute("href")).toBe("https://one.example");
    expect(second.querySelector("a")?.getAttribute("href")).toBe("https://two.example");
  });
});
