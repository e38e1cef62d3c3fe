import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** End-to-end tests: the real binary, in a real window, on a display of its own. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  test: {
    environment: "node",
    include: ["*.test.ts"],
    globalSetup: ["./support/display.ts"],
    // One window at a time: two cores draw it, and several tests measure time.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    reporters: ["verbose", "./support/reporter.ts"],
  },
});
