/**
 * Where a session stands in the list: the order the backend pages in, so that
 * one changed row can be moved without asking for the list again.
 */
import type { Session, Shelf } from "$lib/ipc";

/** The shelf a session lies on. */
export function shelfOf(session: Session): Shelf {
  if (session.deletedAt !== null) return "trash";
  return session.archivedAt !== null ? "archived" : "active";
}

/** Pinned first, then newest first; ids break ties, newer (UUIDv7) first. */
export function compareSessions(a: Session, b: Session): number {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  if (a.updatedAt !== b.updatedAt) return b.updatedAt - a.updatedAt;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/** The list without a session. The same array where it was not in it. */
export function withoutSession(items: Session[], id: string): Session[] {
  return items.some((item) => item.id === id) ? items.filter((item) => item.id !== id) : items;
}

/**
 * The list with a session at its place.
 *
 * `hasMore` says that older rows are not loaded: a session that belongs below
 * the last loaded one is left out and comes with its page.
 */
export function withSession(items: Session[], session: Session, hasMore: boolean): Session[] {
  const others = items.filter((item) => item.id !== session.id);
  const below = others.findIndex((item) => compareSessions(session, item) < 0);
  if (below === -1) return hasMore ? others : [...others, session];
  return [...others.slice(0, below), session, ...others.slice(below)];
}

/** A page appended to the list, without the rows that moved in meanwhile. */
export function withPage(items: Session[], page: Session[]): Session[] {
  const known = new Set(items.map((item) => item.id));
  return [...items, ...page.filter((item) => !known.has(item.id))];
}
