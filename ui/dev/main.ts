import { mockIPC } from "@tauri-apps/api/mocks";
import { emit } from "@tauri-apps/api/event";
import { DemoBackend } from "./backend";
import { demoData, type DemoName } from "./data";

const query = new URLSearchParams(location.search);
const data = demoData((query.get("data") ?? "little") as DemoName);
const theme = query.get("theme");
if (theme === "light" || theme === "dark") data.settings.theme = theme;

const backend = new DemoBackend(data, (changes) => void emit("changed", { changes }));
mockIPC((command, args) => backend.answer(command, args as Record<string, unknown>), {
  shouldMockEvents: true,
});
await import("../src/main");
