import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "vitest";
import type { EndpointState, NewSession, Session } from "../../src/lib/ipc/bindings";
import { App } from "./app";
import { Bus } from "./bus";
import { type Behaviour, ModelServer } from "./model-server";
import { APP, ARTEFACTS } from "./paths";

/** How one start of the app differs from the usual. */
export type StartOptions = {
  /** Instead of the desk's own data folder. */
  dataDir?: string;
  /** Options of setpriv: start the app with fewer rights. */
  under?: string;
  /** Instead of the desk's own bus: the app then sees no other app. */
  bus?: Bus;
};

/** Everything one test has to itself: folders, a bus, a model server, the apps it starts. */
export class Desk {
  private readonly apps: App[] = [];
  private readonly buses: Bus[] = [];

  private constructor(
    private readonly root: string,
    /** Names the artefacts. */
    private readonly title: string,
    readonly bus: Bus,
    readonly server: ModelServer,
  ) {
    this.buses.push(bus);
  }

  static async lay(title: string, behaviours?: Record<string, Behaviour>): Promise<Desk> {
    const root = mkdtempSync(join(tmpdir(), "chatkeep-e2e-"));
    for (const name of ["home", "data", "runtime"]) mkdirSync(join(root, name), { mode: 0o700 });
    return new Desk(root, title, await Bus.start(root), await ModelServer.start(behaviours));
  }

  get home(): string {
    return join(this.root, "home");
  }

  get dataDir(): string {
    return join(this.root, "data");
  }

  /** The environment of every program on this desk, and nothing of the developer's own. */
  env(options: StartOptions = {}, notes = this.root): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      LANG: "C.UTF-8",
      DISPLAY: process.env.DISPLAY,
      HOME: this.home,
      XDG_RUNTIME_DIR: join(this.root, "runtime"),
      DBUS_SESSION_BUS_ADDRESS: (options.bus ?? this.bus).address,
      // There is no accessibility bus here, and GTK would say so at every start.
      NO_AT_BRIDGE: "1",
      CHATKEEP_E2E_APP: APP,
      CHATKEEP_E2E_NOTES: notes,
      CHATKEEP_E2E_UNDER: options.under ?? "",
    };
  }

  async start(options: StartOptions = {}): Promise<App> {
    const notes = mkdtempSync(join(this.root, "app-"));
    const dataDir = options.dataDir ?? this.dataDir;
    const app = await App.start(notes, ["--data-dir", dataDir], this.env(options, notes));
    this.apps.push(app);
    return app;
  }

  /** A bus that shares nothing with the desk's first one. */
  async anotherBus(): Promise<Bus> {
    const bus = await Bus.start(mkdtempSync(join(this.root, "bus-")));
    this.buses.push(bus);
    return bus;
  }

  /**
   * Makes the desk's model server known to the app, which then asks its models for replies alone:
   * what it asks for its memory is for the tests of the memory.
   */
  async connect(app: App, name = "Test models"): Promise<string> {
    await app.set({ recaps: false, summarize: false, autoPins: "off" });
    return this.know(app, name, this.server.url);
  }

  /** Makes a model server known to the app. */
  async know(app: App, name: string, baseUrl: string): Promise<string> {
    const newEndpoint = { kind: "openai_compatible", name, baseUrl };
    const state = await app.invoke<EndpointState>("create_endpoint", { newEndpoint });
    return state.endpoint.id;
  }

  /** A session that talks to one of the server's models, open in the window. */
  async chat(app: App, model: string, more: Partial<NewSession> = {}): Promise<Session> {
    const endpoint = await this.connect(app);
    const session = await this.session(app, { model: `${endpoint}/${model}`, ...more });
    await app.openSession(session.id);
    return session;
  }

  async session(app: App, more: Partial<NewSession>): Promise<Session> {
    const newSession = { name: "A test", model: null, personaId: null, saved: true, ...more };
    return app.invoke("create_session", { newSession });
  }

  /** Keeps a screenshot as an artefact. */
  async screenshot(app: App, name: string): Promise<void> {
    mkdirSync(ARTEFACTS, { recursive: true });
    const file = join(ARTEFACTS, `${slug(this.title)}--${slug(name)}.png`);
    writeFileSync(file, await app.driver.takeScreenshot(), "base64");
  }

  /** Keeps what helps to see why a test failed. */
  async keepEvidence(): Promise<void> {
    for (const app of this.apps) {
      await this.screenshot(app, "failed").catch(() => {}); // an app that has ended shows nothing
      const kept = join(ARTEFACTS, `${slug(this.title)}--failed.log`);
      writeFileSync(kept, app.log, { flag: "a" });
    }
    const logs = join(this.dataDir, "logs");
    if (existsSync(logs))
      cpSync(logs, join(ARTEFACTS, `${slug(this.title)}--logs`), { recursive: true });
  }

  async clear(): Promise<void> {
    for (const app of this.apps) await app.stop();
    await this.server.stop();
    for (const bus of this.buses) bus.stop();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 80);

/** Vitest's `test`, with a desk of its own for every test. */
export const test = base.extend<{ desk: Desk }>({
  desk: async ({ task }, use) => {
    const desk = await Desk.lay(task.name);
    await use(desk);
    if (task.result?.state === "fail") await desk.keepEvidence();
    await desk.clear();
  },
});

export { expect, describe } from "vitest";
