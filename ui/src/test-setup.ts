import "@testing-library/jest-dom/vitest";

// jsdom has no layout, so nothing is ever resized in it.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
