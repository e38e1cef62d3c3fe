/** What can be done with a session: the same in its row's menu and in the session's header. */
import Archive from "@lucide/svelte/icons/archive";
import ArchiveRestore from "@lucide/svelte/icons/archive-restore";
import Clock from "@lucide/svelte/icons/clock";
import Pencil from "@lucide/svelte/icons/pencil";
import Pin from "@lucide/svelte/icons/pin";
import PinOff from "@lucide/svelte/icons/pin-off";
import Save from "@lucide/svelte/icons/save";
import Trash2 from "@lucide/svelte/icons/trash-2";
import Undo2 from "@lucide/svelte/icons/undo-2";
import type { MenuItem } from "$lib/components/menu";
import type { Session } from "$lib/ipc";
import { shelfOf } from "$lib/sessionList";
import { keysOf } from "$lib/shortcuts";
import { sessions } from "$lib/state/sessions.svelte";
import { view } from "$lib/state/view.svelte";

/** The menu of a session, by the shelf it lies on. */
export function sessionActions(session: Session): MenuItem[] {
  return shelfOf(session) === "trash" ? trashActions(session) : liveActions(session);
}

function trashActions(session: Session): MenuItem[] {
  return [
    { label: "Restore", icon: Undo2, onselect: () => void sessions.restore(session.id) },
    "separator",
    {
      label: "Delete for good",
      icon: Trash2,
      keys: keysOf("trash-session"),
      danger: true,
      onselect: () => (view.deleting = session),
    },
  ];
}

function liveActions(session: Session): MenuItem[] {
  return [
    {
      label: "Rename",
      icon: Pencil,
      keys: keysOf("rename-session"),
      onselect: () => view.rename(session.id),
    },
    pinAction(session),
    savedAction(session),
    archiveAction(session),
    "separator",
    {
      label: "Move to trash",
      icon: Trash2,
      keys: keysOf("trash-session"),
      danger: true,
      onselect: () => void sessions.trash(session.id),
    },
  ];
}

function pinAction({ id, pinned }: Session): MenuItem {
  return {
    label: pinned ? "Unpin" : "Pin to the top",
    icon: pinned ? PinOff : Pin,
    onselect: () => void sessions.setPinned(id, !pinned),
  };
}

function savedAction({ id, saved }: Session): MenuItem {
  return {
    label: saved ? "Make temporary" : "Keep",
    icon: saved ? Clock : Save,
    onselect: () => void sessions.setSaved(id, !saved),
  };
}

function archiveAction({ id, archivedAt }: Session): MenuItem {
  return archivedAt === null
    ? { label: "Archive", icon: Archive, onselect: () => void sessions.archive(id) }
    : {
        label: "Move back to sessions",
        icon: ArchiveRestore,
        onselect: () => void sessions.unarchive(id),
      };
}
