import { expect, test } from "vitest";
import { session } from "../test-backend";
import { compareSessions, shelfOf, withPage, withSession, withoutSession } from "./sessionList";

const ids = (items: { id: string }[]) => items.map((item) => item.id).join("");
const list = [
  session("p", { pinned: true, updatedAt: 10 }),
  session("c", { updatedAt: 300 }),
  session("b", { updatedAt: 200 }),
  session("a", { updatedAt: 100 }),
];

test("the list is ordered as the backend pages it", () => {
  expect(ids([...list].reverse().sort(compareSessions))).toBe("pcba");
  const tie = [session("1", { updatedAt: 5 }), session("2", { updatedAt: 5 })];
  expect(ids(tie.sort(compareSessions))).toBe("21");
});

test("the trash holds what was deleted, even if it was archived before", () => {
  expect(shelfOf(session("a"))).toBe("active");
  expect(shelfOf(session("a", { archivedAt: 1 }))).toBe("archived");
  expect(shelfOf(session("a", { archivedAt: 1, deletedAt: 2 }))).toBe("trash");
});

test("a changed session moves to its new place", () => {
  expect(ids(withSession(list, session("a", { updatedAt: 400 }), false))).toBe("pacb");
  expect(ids(withSession(list, session("b", { updatedAt: 1, pinned: true }), false))).toBe("pbca");
  expect(ids(withSession(list, session("n", { updatedAt: 250 }), false))).toBe("pcnba");
});

test("a session below the loaded part waits for its page", () => {
  const old = session("o", { updatedAt: 1 });
  expect(ids(withSession(list, old, true))).toBe("pcba");
  expect(ids(withSession(list, old, false))).toBe("pcbao");
});

test("a page does not repeat a session that moved in meanwhile", () => {
  const page = [session("a", { updatedAt: 100 }), session("o", { updatedAt: 1 })];
  expect(ids(withPage(list, page))).toBe("pcbao");
});

test("taking out a session that is not in the list leaves the same array", () => {
  expect(withoutSession(list, "zz")).toBe(list);
  expect(ids(withoutSession(list, "c"))).toBe("pba");
});
