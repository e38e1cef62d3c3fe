import type { EmbeddingStatus, NewMessage } from "../../src/lib/ipc/bindings";
import type { App } from "./app";
import type { Desk } from "./desk";
import { MODELS } from "./paths";
import { until } from "./until";
import { openContext, type View, VIEWS } from "./views";

/** The app with the real models, as its package has them beside it. */
export const WITH_MODELS = { env: { CHATKEEP_MODEL_DIR: MODELS } };

/** Waits until every message can be found by meaning. */
export async function embedded(app: App): Promise<void> {
  await until("every message to be embedded", async () => {
    const status = await app.invoke<EmbeddingStatus>("embedding_status");
    if (status.problem) throw new Error(status.problem.message);
    return status.serving !== null && status.queued === 0;
  });
}

/** Chooses by what is searched: "By words", "By meaning" or "By both". */
export async function searchMode(app: App, mode: string): Promise<void> {
  await app.click("search-mode");
  await app.clickNamed('[role="option"]', new RegExp(`^${mode}$`));
  await app.reads("search-mode", new RegExp(mode));
}

/** Puts something into another session that is recalled in the furnished one. */
export async function furnishRecall(desk: Desk, app: App): Promise<void> {
  const { id: sessionId } = await desk.session(app, { name: "Disk usage" });
  const text = "The database's log kept growing until the disk was full";
  const newMessage: NewMessage = { sessionId, role: "user", text, modelId: null };
  await app.invoke("append_message", { newMessage });
  await app.set({ recallFrom: "everySession" });
  await embedded(app);
}

/** What a person meets of the search by meaning, in what `furnish` and `furnishRecall` made. */
export const MEANING_VIEWS: View[] = [
  {
    name: "search by meaning",
    open: async (app) => {
      await app.click("search-button");
      await searchMode(app, "By both");
      const box = await app.find("search-input");
      await box.clear();
      await box.sendKeys("a disk without room");
      await app.find("search-hit");
    },
    close: VIEWS.find(({ name }) => name === "search")!.close,
  },
  {
    name: "recalled",
    open: async (app, { session }) => {
      await app.openSession(session.id);
      await openContext(app);
      await app.findCss('[data-part="recalled"]');
    },
    close: VIEWS.find(({ name }) => name === "context")!.close,
  },
];
