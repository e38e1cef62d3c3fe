/**
 * What commits touched, handed to the store of each entity.
 *
 * The backend tells of every commit once; nothing in the window polls.
 */
import type { Change, Entity } from "$lib/ipc";

type Handler = (ids: string[]) => void;

const handlers = new Map<Entity, Handler[]>();

/** Calls `handler` with the ids of each batch of changes to an entity. */
export function onChanged(entity: Entity, handler: Handler): void {
  handlers.set(entity, [...(handlers.get(entity) ?? []), handler]);
}

/** Hands a commit's changes out, each id once. */
export function dispatchChanges(changes: readonly Change[]): void {
  const touched = new Map<Entity, Set<string>>();
  for (const { entity, id } of changes) {
    touched.set(entity, (touched.get(entity) ?? new Set()).add(id));
  }
  for (const [entity, ids] of touched) {
    for (const handler of handlers.get(entity) ?? []) handler([...ids]);
  }
}
