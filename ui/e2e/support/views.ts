import type { Session, Theme } from "../../src/lib/ipc/bindings";
import { Key } from "selenium-webdriver";
import type { App } from "./app";
import { backUp, closeBackups, openBackups } from "./backups";
import type { Desk } from "./desk";

/** One state of the window that a person meets. */
export type View = {
  name: string;
  open: (app: App, room: Room) => Promise<void>;
  close?: (app: App) => Promise<void>;
};

/** What `furnish` has put into the app. */
export type Room = { session: Session };

const escape = async (app: App) => {
  await app.driver.actions().sendKeys(Key.ESCAPE).perform();
};

async function closed(app: App, dialog: string): Promise<void> {
  await escape(app);
  await app.gone(dialog);
}

/** Shows the pins and summaries. */
export async function openMemory(app: App): Promise<void> {
  await app.clickNamed("button", /^Show memory/);
  await app.find("memory-panel");
}

/** Shows what the model is sent. */
export async function openContext(app: App): Promise<void> {
  await openMemory(app);
  await app.click("memory-tab-context");
  await app.find("context-panel");
}

async function closeMemory(app: App): Promise<void> {
  await app.clickCss('[data-testid="memory-panel"] [aria-label="Hide memory"]');
  await app.gone("memory-panel");
}

/** Every main view, in the order a person would meet them. */
export const VIEWS: View[] = [
  { name: "chat", open: async (app, { session }) => app.openSession(session.id) },
  { name: "new chat", open: (app) => app.click("new-chat") },
  {
    name: "memory",
    open: async (app, { session }) => {
      await app.openSession(session.id);
      await openMemory(app);
    },
    close: closeMemory,
  },
  {
    name: "context",
    open: async (app, { session }) => {
      await app.openSession(session.id);
      await openContext(app);
      await app.find("context-item");
    },
    close: async (app) => {
      await app.click("memory-tab-kept");
      await closeMemory(app);
    },
  },
  {
    name: "model picker",
    open: (app) => app.click("model-picker"),
    close: escape,
  },
  {
    name: "persona picker",
    open: (app) => app.click("persona-picker"),
    close: escape,
  },
  {
    name: "search",
    open: async (app) => {
      await app.click("search-button");
      await (await app.find("search-input")).sendKeys("write-ahead");
      await app.find("search-hit");
    },
    close: (app) => closed(app, "search-dialog"),
  },
  {
    name: "command palette",
    open: async (app) => {
      await app.driver.actions().keyDown(Key.CONTROL).sendKeys("k").keyUp(Key.CONTROL).perform();
      await (await app.find("palette-input")).sendKeys("w");
      await app.find("palette-session");
    },
    close: (app) => closed(app, "palette"),
  },
  { name: "backups", open: openBackups, close: closeBackups },
  {
    name: "backup in detail",
    open: async (app) => {
      await openBackups(app);
      await app.click("backup-open");
      await app.find("backup-path");
    },
    close: closeBackups,
  },
  {
    name: "restore plan",
    open: async (app) => {
      await openBackups(app);
      await app.click("restore-backup");
      await app.find("restore-plan");
    },
    close: async (app) => {
      await closed(app, "restore-dialog");
      await closeBackups(app);
    },
  },
  ...["providers", "memory", "keeping", "backups", "search", "data", "appearance", "about"].map(
    (section) => ({
      name: `settings ${section}`,
      open: async (app: App) => {
        await app.click("settings-button");
        await app.click(`settings-${section}`);
      },
      close: async (app: App) => closed(app, "settings-dialog"),
    }),
  ),
  {
    name: "personas",
    open: async (app) => {
      await app.clickNamed("button", /^Personas$/);
      await app.find("persona-editor");
    },
    close: (app) => closed(app, "personas-dialog"),
  },
  {
    name: "shortcuts",
    open: async (app) => {
      await app.driver.actions().keyDown(Key.CONTROL).sendKeys("/").keyUp(Key.CONTROL).perform();
      await app.find("shortcut-sheet");
    },
    close: (app) => closed(app, "shortcut-sheet"),
  },
];

export async function setTheme(app: App, theme: Theme): Promise<void> {
  await app.set({ theme });
}

/** Fills the app with a conversation that shows everything: Markdown, a pin, a summary, a backup. */
export async function furnish(desk: Desk, app: App): Promise<Room> {
  const session = await desk.chat(app, "letter", { name: "Why does the WAL grow?" });
  await app.say("Why does my database's write-ahead log grow?");
  const reply = await app.lastMessage("complete");
  const about = { sessionId: session.id };
  await app.invoke("create_pin", {
    newPin: {
      ...about,
      content: "Checkpoint after bursts.",
      sourceMessageId: reply.id,
      pinType: "user",
      scope: "session",
    },
  });
  await app.invoke("create_summary", {
    newSummary: {
      ...about,
      summary: "We looked at why a write-ahead log grows, and at three ways to keep it small.",
      startMessageId: reply.id - 1,
      endMessageId: reply.id,
    },
  });
  await backUp(app);
  return { session };
}
