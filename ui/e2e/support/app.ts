import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { By, Key, type WebDriver, type WebElement } from "selenium-webdriver";
import type {
  CommandError,
  Message,
  MessageStatus,
  Role,
  Settings,
} from "../../src/lib/ipc/bindings";
import { drive, type Driven } from "./driver";
import { until } from "./until";

/** A message as it stands in the window. */
export type ShownMessage = { id: number; role: Role; status: MessageStatus; text: string };

/** A command that the app refused. */
export class Refused extends Error {
  constructor(
    command: string,
    readonly reason: CommandError,
  ) {
    super(`${command} was refused: ${JSON.stringify(reason)}`);
  }
}

const testId = (name: string) => `[data-testid="${name}"]`;

/** One running app: its window, its commands, its process. */
export class App {
  private constructor(
    private readonly driven: Driven,
    /** Holds pid, exit and app.log, written by launch.sh. */
    private readonly notes: string,
  ) {}

  static async start(notes: string, args: string[], env: NodeJS.ProcessEnv): Promise<App> {
    const watch = new AbortController();
    const ended = endedEarly(notes, watch.signal);
    ended.catch(() => {}); // told by the race below, or no longer of interest
    try {
      const app = new App(await drive(args, env, ended), notes);
      await Promise.race([app.find("session-list", "failure-screen"), ended]);
      return app;
    } finally {
      watch.abort();
    }
  }

  get driver(): WebDriver {
    return this.driven.driver;
  }

  // The window

  /** Waits for the first element on show with one of these test ids. */
  async find(...names: string[]): Promise<WebElement> {
    return this.findCss(names.map(testId).join(", "));
  }

  async findCss(selector: string): Promise<WebElement> {
    return until(`an element ${selector} on show`, () => this.shown(selector));
  }

  /** Clicks what can be clicked: not yet what a closing dialog still covers. */
  async click(name: string): Promise<void> {
    await this.clickCss(testId(name));
  }

  async clickCss(selector: string): Promise<void> {
    await until(`a click on ${selector}`, async () => {
      const element = await this.shown(selector);
      await element?.click();
      return element !== undefined;
    });
  }

  /** Clicks the element with this role and accessible name, as a screen reader would find it. */
  async clickNamed(roles: string, name: RegExp): Promise<void> {
    const isNamed = async (element: WebElement) =>
      name.test((await element.getAccessibleName()).trim());
    await until(`a click on ${roles} named ${name}`, async () => {
      const element = await this.shown(roles, isNamed);
      await element?.click();
      return element !== undefined;
    });
  }

  private async shown(
    selector: string,
    accepts = async (_: WebElement) => true,
  ): Promise<WebElement | undefined> {
    for (const element of await this.driver.findElements(By.css(selector))) {
      if ((await element.isDisplayed().catch(() => false)) && (await accepts(element)))
        return element;
    }
    return undefined;
  }

  async isShown(name: string): Promise<boolean> {
    return (await this.shown(testId(name))) !== undefined;
  }

  async gone(name: string): Promise<void> {
    await until(`${name} gone`, async () => !(await this.isShown(name)));
  }

  /** The element's text as it is drawn. (WebDriver's own getText leaves out what is cut by "…".) */
  async text(name: string): Promise<string> {
    return this.driver.executeScript("return arguments[0].innerText", await this.find(name));
  }

  /** Waits until the element's text matches. */
  async reads(name: string, pattern: RegExp): Promise<string> {
    return until(`${name} to read ${pattern}`, async () => {
      const text = await this.text(name);
      return pattern.test(text) ? text : undefined;
    });
  }

  /** Waits until this can be read somewhere in the window. */
  async says(pattern: RegExp): Promise<void> {
    await until(`the window to say ${pattern}`, async () =>
      pattern.test(await this.driver.executeScript("return document.body.innerText")),
    );
  }

  /** Waits until nothing fades or slides any more: half-way, colours are not what they will be. */
  async settled(): Promise<void> {
    await this.driver.executeAsyncScript(`
      const done = arguments[0];
      const moving = () => document.getAnimations()
        .filter((it) => it.effect.getComputedTiming().endTime !== Infinity && it.playState === "running");
      // Some frames in a row: what was just opened begins to move a frame or two later.
      let still = 0;
      const frame = () => {
        still = moving().length ? 0 : still + 1;
        still < 10 ? requestAnimationFrame(frame) : done();
      };
      requestAnimationFrame(frame);`);
  }

  /** Every message in the window, from top to bottom, read at one moment. */
  async messages(): Promise<ShownMessage[]> {
    return this.driver.executeScript(`
      return [...document.querySelectorAll('[data-testid="message"]')].map((message) => ({
        id: Number(message.dataset.messageId),
        role: message.dataset.role,
        status: message.dataset.status,
        text: message.querySelector('[data-testid="message-text"]')?.textContent.trim() ?? "",
      }));`);
  }

  /** Waits until the newest message has this status. */
  async lastMessage(status: MessageStatus, role: Role = "assistant"): Promise<ShownMessage> {
    return until(`the last message to be ${role}, ${status}`, async () => {
      const last = (await this.messages()).at(-1);
      return last?.role === role && last.status === status ? last : undefined;
    });
  }

  /** Waits until the newest message's text matches, whatever its status. */
  async lastMessageReads(pattern: RegExp): Promise<ShownMessage> {
    return until(`the last message to read ${pattern}`, async () => {
      const last = (await this.messages()).at(-1);
      return last && pattern.test(last.text) ? last : undefined;
    });
  }

  /** Types into the composer and sends it by Enter. */
  async say(text: string): Promise<void> {
    await this.click("composer");
    await (await this.find("composer")).sendKeys(text, Key.ENTER);
  }

  async openSession(id: string): Promise<void> {
    await this.clickCss(`[data-testid="session-row"][data-session-id="${id}"]`);
    await this.find("composer");
  }

  // The commands

  /** Calls a command as the window would. */
  async invoke<T>(command: string, args: object = {}): Promise<T> {
    const outcome = await this.driver.executeAsyncScript<{ data: T } | { error: CommandError }>(
      `const [command, args, done] = arguments;
       window.__TAURI_INTERNALS__.invoke(command, args).then(
         (data) => done({ data: data ?? null }),
         (error) => done({ error: error ?? { message: "no reason given" } }));`,
      command,
      args,
    );
    if ("error" in outcome) throw new Refused(command, outcome.error);
    return outcome.data;
  }

  /** Changes some of the settings. */
  async set(changes: Partial<Settings>): Promise<void> {
    const settings = await this.invoke<Settings>("get_settings");
    await this.invoke("update_settings", { settings: { ...settings, ...changes } });
  }

  /** Every message of a session's branch on show, oldest first. */
  async storedMessages(sessionId: string): Promise<Message[]> {
    type Found = { items: Message[]; next: number | null };
    const pages: Message[][] = [];
    let before: number | null = null;
    do {
      const page: Found = await this.invoke("list_messages", { sessionId, before, limit: 100 });
      pages.unshift(page.items);
      before = page.next;
    } while (before !== null);
    return pages.flat();
  }

  // The process

  get pid(): number {
    return Number(readFileSync(join(this.notes, "pid"), "utf8"));
  }

  /** What the app printed, over all of its starts in this test. */
  get log(): string {
    return readFileSync(join(this.notes, "app.log"), "utf8");
  }

  /** Waits for the process to end by itself. */
  async exitCode(): Promise<number> {
    const file = join(this.notes, "exit");
    await until(
      "the app to end",
      async () => existsSync(file) && readFileSync(file, "utf8") !== "",
    );
    return Number(readFileSync(file, "utf8"));
  }

  /** Ends the app the way a person does. */
  async quit(): Promise<number> {
    await this.invoke("quit").catch(() => {}); // the window may be gone before the answer is
    const code = await this.exitCode();
    await this.detach();
    return code;
  }

  /** Ends the app the way the system does. */
  async end(signal: "SIGTERM" | "SIGINT" | "SIGHUP"): Promise<number> {
    process.kill(this.pid, signal);
    const code = await this.exitCode();
    await this.detach();
    return code;
  }

  /** Ends the app the way a power cut does. */
  async killHard(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    await this.exitCode();
    await this.detach();
  }

  /** Ends whatever still runs. */
  async stop(): Promise<void> {
    if (!existsSync(join(this.notes, "exit"))) await this.killHard().catch(() => this.detach());
    else await this.detach();
  }

  private async detach(): Promise<void> {
    if (this.driven.server.exitCode !== null || this.driven.server.killed) return;
    this.driven.server.kill();
  }
}

/** WebDriver would wait for ever for the window of an app that has ended: this fails at once. */
async function endedEarly(notes: string, signal: AbortSignal): Promise<never> {
  while (!existsSync(join(notes, "exit"))) await sleep(100, undefined, { signal });
  const read = (name: string) => readFileSync(join(notes, name), "utf8");
  throw new Error(`The app ended with exit code ${read("exit").trim()}: ${read("app.log")}`);
}
