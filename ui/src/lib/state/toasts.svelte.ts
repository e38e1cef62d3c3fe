/** Short notices that go by themselves. */
import { told } from "$lib/formErrors";
import type { CommandError } from "$lib/ipc";

export type Toast = {
  id: number;
  tone: "info" | "error";
  /** What happened and, for an error, what the user can do about it. */
  text: string;
} & WaysBack;

type WaysBack = {
  /** Takes back what was done. */
  undo?: () => void;
  /** Goes back to where the user was; what was done stays. */
  back?: () => void;
};

type Notice = { text: string } & WaysBack;

const INFO_MS = 5_000;
/** Long enough to read an error, or to find and press a button. */
const ACTION_MS = 10_000;
const SHOWN_MAX = 4;

class Toasts {
  items = $state.raw<Toast[]>([]);
  #lastId = 0;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  /** Tells of something done, with a way back where there is one. */
  show(notice: Notice): void {
    this.#add({ tone: "info", ...notice });
  }

  /**
   * Tells what failed and what helps. The same error on show is not stacked, and
   * of a full disk the banner tells as long as it lasts.
   */
  error(error: Pick<CommandError, "message" | "remedy"> & { kind?: CommandError["kind"] }): void {
    if (error.kind === "disk_full") return;
    const text = told(error);
    const same = this.items.find((toast) => toast.tone === "error" && toast.text === text);
    if (same) this.dismiss(same.id);
    this.#add({ tone: "error", text });
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.items = this.items.filter((toast) => toast.id !== id);
  }

  #add(toast: Omit<Toast, "id">): void {
    const id = ++this.#lastId;
    const overflow = this.items.length - (SHOWN_MAX - 1);
    for (const old of this.items.slice(0, Math.max(0, overflow))) this.dismiss(old.id);
    this.items = [...this.items, { ...toast, id }];
    const shownMs = toast.undo || toast.back || toast.tone === "error" ? ACTION_MS : INFO_MS;
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), shownMs),
    );
  }
}

export const toasts = new Toasts();
