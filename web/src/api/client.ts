import { HttpClient } from './http';
import { Session } from './session';

const nativeFetch: typeof fetch = (input, init) => globalThis.fetch(input, init);

/** The one session and the one client of this page. */
export const session = new Session({
  fetch: nativeFetch,
  now: () => performance.now(),
  // Web Locks exist on secure origins only.
  exclusively: async (work) => ('locks' in navigator ? await navigator.locks.request('skyriff.refresh', work) : work()),
});

export const http = new HttpClient(session, nativeFetch);
