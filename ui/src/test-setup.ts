import "@testing-library/jest-dom/vitest";

// jsdom has no layout, so nothing is ever resized in it.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

// Nor has it a screen to ask about: every test runs in a wide window.
globalThis.matchMedia ??= (media) =>
  Object.assign(new EventTarget(), { media, matches: false, onchange: null }) as MediaQueryList;
