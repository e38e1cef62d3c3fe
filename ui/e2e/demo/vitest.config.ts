import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** `scripts/run --demo`: the app with sample conversations, photographed in every main view. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  test: {
    environment: "node",
    include: ["demo.test.ts"],
    globalSetup: ["../support/display.ts"],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    reporters: ["verbose"],
  },
});
