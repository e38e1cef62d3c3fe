import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Builder, Capabilities, type WebDriver } from "selenium-webdriver";
import { LAUNCHER } from "./paths";

/** tauri-driver with one WebDriver session in it. */
export type Driven = { driver: WebDriver; server: ChildProcess };

/** Starts the app with `args` and `env` and connects to its window, unless `ended` fails before. */
export async function drive(
  args: string[],
  env: NodeJS.ProcessEnv,
  ended: Promise<never>,
): Promise<Driven> {
  const [port, native] = [await freePort(), await freePort()];
  const server = spawn("tauri-driver", ["--port", `${port}`, "--native-port", `${native}`], {
    env,
    stdio: "ignore",
  });
  await Promise.all([listening(port, server), listening(native, server)]);
  try {
    return { driver: await Promise.race([connect(port, args), ended]), server };
  } catch (error) {
    server.kill();
    throw error;
  }
}

async function connect(port: number, args: string[]): Promise<WebDriver> {
  const capabilities = new Capabilities({
    browserName: "wry",
    "tauri:options": { application: LAUNCHER, args },
  });
  const driver = await new Builder()
    .usingServer(`http://127.0.0.1:${port}/`)
    .withCapabilities(capabilities)
    .build();
  await driver.manage().setTimeouts({ script: 300_000 });
  return driver;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function listening(port: number, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && server.exitCode === null) {
    const up = await fetch(`http://127.0.0.1:${port}/status`).then(
      () => true,
      () => false,
    );
    if (up) return;
    await sleep(20);
  }
  throw new Error(`tauri-driver does not answer on port ${port} (exit code ${server.exitCode}).`);
}
