import { describe, expect, it } from "vitest";
import { keyNames, shortcuts, windowShortcut } from "./shortcuts";

const press = (init: KeyboardEventInit) => new KeyboardEvent("keydown", init);

describe("windowShortcut", () => {
  it("knows a shortcut by its keys", () => {
    expect(windowShortcut(press({ key: "n", ctrlKey: true }))).toBe("new-session");
    expect(windowShortcut(press({ key: "N", ctrlKey: true, shiftKey: true }))).toBe(
      "new-temporary-session",
    );
    expect(windowShortcut(press({ key: ",", ctrlKey: true }))).toBe("settings");
    expect(windowShortcut(press({ key: "Escape" }))).toBe("stop");
  });

  it("goes by the place of the key where Alt makes another character of it", () => {
    const typed = { key: "π", code: "KeyP", altKey: true };
    expect(windowShortcut(press(typed))).toBe("pick-persona");
    expect(windowShortcut(press({ ...typed, shiftKey: true }))).toBe("personas");
  });

  it("leaves other keys alone, and those that only a part of the window hears", () => {
    expect(windowShortcut(press({ key: "n" }))).toBeUndefined();
    expect(windowShortcut(press({ key: "n", ctrlKey: true, altKey: true }))).toBeUndefined();
    expect(windowShortcut(press({ key: "Enter" }))).toBeUndefined();
    expect(windowShortcut(press({ key: "Delete" }))).toBeUndefined();
  });
});

describe("the table", () => {
  it("gives the same keys to no two shortcuts that are heard in the same place", () => {
    const keys = shortcuts.map(({ keys, scope }) => `${scope} ${keys}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("names keys as they are written on the keyboard", () => {
    expect(keyNames("Mod+Shift+N")).toEqual(["Ctrl", "Shift", "N"]);
    expect(keyNames("Mod+ArrowUp")).toEqual(["Ctrl", "↑"]);
  });
});
