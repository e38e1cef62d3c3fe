/** The time as shown in the window: "5 min ago" grows old by itself. */
const TICK_MS = 30_000;

class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => (this.now = Date.now()), TICK_MS);
  }
}

export const clock = new Clock();
