import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** What the window takes on a large database; not a test, as times decide none. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  test: {
    environment: "node",
    include: ["*.measure.ts"],
    globalSetup: ["../support/display.ts"],
    testTimeout: 900_000,
    hookTimeout: 120_000,
    reporters: ["verbose"],
  },
});
