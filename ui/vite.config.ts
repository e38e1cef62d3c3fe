/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte()],
  // Vite shares its terminal with cargo, whose errors must stay on the screen.
  clearScreen: false,
  resolve: {
    alias: { $lib: folder("./src/lib"), $features: folder("./src/features") },
    // Vitest would otherwise resolve Svelte's server build, which cannot mount.
    conditions: process.env.VITEST ? ["browser"] : undefined,
  },
  server: {
    port: Number(process.env.CHATKEEP_UI_PORT ?? 1420),
    strictPort: true,
    host: "127.0.0.1",
  },
  build: {
    target: ["es2023", "safari17", "chrome120"],
    // The content security policy allows no data: fonts, so nothing is inlined.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["./src/test-setup.ts"],
    testTimeout: 30_000,
  },
});
