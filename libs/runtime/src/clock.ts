import type { Clock } from './ports.js';

/** The machine's own clock. setTimeout may fire a little early; callers compare with `now` themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at: (atMs, callback) => {
    const timer = setTimeout(callback, Math.max(0, Math.min(atMs - Date.now(), 2 ** 31 - 1)));
    return () => clearTimeout(timer);
  },
};
