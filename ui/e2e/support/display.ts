import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

/** Starts a virtual screen for the whole run and ends it afterwards. */
export default async function setup(): Promise<() => void> {
  const screen = spawn(
    "Xvfb",
    ["-displayfd", "3", "-screen", "0", "1680x1200x24", "-nolisten", "tcp"],
    { stdio: ["ignore", "ignore", "ignore", "pipe"] },
  );
  const display = once(screen.stdio[3] as Readable, "data");
  const ended = once(screen, "exit").then(([code]) => {
    throw new Error(`Xvfb ended with exit code ${code} before it had a display.`);
  });
  const [number] = await Promise.race([display, ended]);
  ended.catch(() => {});
  process.env.DISPLAY = `:${String(number).trim()}`;
  return () => void screen.kill();
}
