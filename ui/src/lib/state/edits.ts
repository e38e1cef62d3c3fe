/**
 * The user's messages that are being edited, each with what is typed so far: it outlasts the
 * message's time on screen.
 */
import { SvelteMap } from "svelte/reactivity";
import type { MessageId } from "$lib/ipc";

export const edits = new SvelteMap<MessageId, string>();
