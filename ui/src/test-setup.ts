import "@testing-library/jest-dom/vitest";
import { configure } from "@testing-library/svelte";

// What comes late on a machine with much to do has come all the same.
configure({ asyncUtilTimeout: 10_000 });

// jsdom has no layout, so nothing is ever resized in it.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

// Nor has it a screen to ask about: every test runs in a wide window.
globalThis.matchMedia ??= (media) =>
  Object.assign(new EventTarget(), { media, matches: false, onchange: null }) as MediaQueryList;
