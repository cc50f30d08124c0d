import { useSyncExternalStore } from 'react';

const tickMs = 30_000;
let now = Date.now();

/** The time of day, for "3 minutes ago": the same for the whole page, moved on every half minute. */
export function useNow(): number {
  return useSyncExternalStore(
    (changed) => {
      now = Date.now();
      const timer = setInterval(() => {
        now = Date.now();
        changed();
      }, tickMs);
      return () => clearInterval(timer);
    },
    () => now,
  );
}
