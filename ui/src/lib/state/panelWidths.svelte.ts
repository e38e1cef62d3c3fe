/**
 * How wide the side panels are. Kept by the web view and not in the database:
 * it belongs to this screen, and a backup restored elsewhere must not bring it.
 */
type Panel = "sidebar" | "memory";

const KEY = "panel-widths";
const USUAL_PX: Record<Panel, number> = { sidebar: 272, memory: 320 };

class PanelWidths {
  #px = $state({ ...USUAL_PX, ...read() });

  get sidebar(): number {
    return this.#px.sidebar;
  }
  get memory(): number {
    return this.#px.memory;
  }

  set(panel: Panel, px: number): void {
    this.#px[panel] = px;
    localStorage.setItem(KEY, JSON.stringify(this.#px));
  }
}

function read(): Partial<Record<Panel, number>> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

export const panelWidths = new PanelWidths();
