import { By, type WebElement } from "selenium-webdriver";
import type { App } from "./app";
import { until } from "./until";

const one = (id: number) => `[data-testid="message"][data-message-id="${id}"]`;

/** The message with this id, on show. */
export async function findMessage(app: App, id: number): Promise<WebElement> {
  return app.findCss(one(id));
}

/** Presses a button below a message, which shows while the pointer is there. */
export async function pressOn(app: App, id: number, button: string): Promise<void> {
  await until(`${button} on message ${id}`, async () => {
    const message = await app.driver.findElement(By.css(one(id)));
    await app.driver.actions().move({ origin: message }).perform();
    await message.findElement(By.css(`[data-testid="${button}"]`)).click();
    return true;
  });
}

/** Waits until the window shows these texts, from top to bottom. */
export async function reads(app: App, texts: (string | RegExp)[]): Promise<void> {
  const fits = (text: string, wanted: string | RegExp | undefined) =>
    wanted instanceof RegExp ? wanted.test(text) : text === wanted;
  await until(`the messages ${texts.join(" | ")}`, async () => {
    const shown = await app.messages();
    return shown.length === texts.length && shown.every(({ text }, at) => fits(text, texts[at]));
  });
}

/** The ids of the messages on show whose text is one of these. */
export async function idsOf(app: App, ...texts: string[]): Promise<number[]> {
  const shown = await app.messages();
  return texts.map((wanted) => {
    const found = shown.find(({ text }) => text === wanted);
    if (!found) throw new Error(`No message reads "${wanted}".`);
    return found.id;
  });
}

/** Which version of a message is on show: "2 / 3". */
export async function versionOf(app: App, id: number): Promise<string> {
  return (await app.findCss(`${one(id)} [data-testid="siblings"]`)).getText();
}

/** How far down its arrows are in the window, in pixels. */
export async function arrowsAt(app: App, id: number): Promise<number> {
  const arrows = await app.findCss(`${one(id)} [data-testid="siblings"]`);
  return app.driver.executeScript("return arguments[0].getBoundingClientRect().top", arrows);
}
