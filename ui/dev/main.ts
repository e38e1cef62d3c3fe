import { mockIPC } from "@tauri-apps/api/mocks";
import { emit } from "@tauri-apps/api/event";
import { DemoBackend } from "./backend";
import { DemoBackups } from "./backups";
import { demoData, type DemoName } from "./data";

const query = new URLSearchParams(location.search);
const name = (query.get("data") ?? "little") as DemoName;
const data = demoData(name);
const theme = query.get("theme");
if (theme === "light" || theme === "dark") data.settings.theme = theme;

const backups = new DemoBackups(name, {
  changed: () => setTimeout(() => void emit("backups-changed", null)),
  opened: (status) => setTimeout(() => void emit("status-changed", status)),
});
const backend = new DemoBackend(data, backups, (changes) => void emit("changed", { changes }));
mockIPC((command, args) => backend.answer(command, args as Record<string, unknown>), {
  shouldMockEvents: true,
});
await import("../src/main");
