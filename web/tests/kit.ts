import { HttpClient } from '../src/api/http';
import { Session } from '../src/api/session';
import type { Generation, Me, Transfer, Work } from '../src/api/types';

export const me: Me = { id: '7', handle: 'nova', email: 'nova@example.org', displayName: null, bio: null };

export function signedInReply(token: string, user: Me = me): Response {
  return reply(200, { user, accessToken: token, expiresIn: 900, refreshToken: 'never kept' });
}

export function reply(status: number, body?: unknown, headers: Record<string, string> = {}): Response {
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

export type Call = { method: string; path: string; headers: Headers; body: unknown };

/** A server that answers by "METHOD /path" and remembers what it was asked. */
export function fakeServer(answers: Record<string, (call: Call) => Response | Promise<Response>>) {
  const calls: Call[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const address = input instanceof Request ? input.url : input.toString();
    const path = address.replace(/^\/api\/v1/, '').replace(/\?.*$/, '');
    const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
    const call = { method: init?.method ?? 'GET', path, headers: new Headers(init?.headers), body };
    calls.push(call);
    const answer = answers[`${call.method} ${path}`];
    if (!answer) throw new TypeError(`nothing answers ${call.method} ${path}`);
    return answer(call);
  };
  const count = (method: string, path: string) => calls.filter((call) => call.method === method && call.path === path).length;
  return { fetch, calls, count };
}

/** A session and a client on a fake server and a fake clock. */
export function clientOn(fetch: typeof globalThis.fetch) {
  const clock = { now: 0 };
  const session = new Session({ fetch, now: () => clock.now, exclusively: (work) => work() });
  return { session, client: new HttpClient(session, fetch), clock };
}


export function generation(changes: Partial<Generation> = {}): Generation {
  return {
    id: '41', status: 'queued', progress: 0, queuePosition: 2, etaSeconds: 30, prompt: 'A lighthouse', model: 'studio-1', seconds: 4, size: '1280x720',
    failure: null, receipt: { quoted: 40, held: 40, captured: 0, released: 0 }, workId: null, preview: null, createdAt: '2026-11-20T10:00:00Z', ...changes,
  };
}

export function work(changes: Partial<Work> = {}): Work {
  return {
    id: '1', title: 'Lantern tide', author: { id: '9', handle: 'mira', displayName: 'Mira' },
    playback: { hls: '/media/a.m3u8', mp4: '/media/a.mp4', poster: '/media/a.webp', preview: '/media/strip.webp', durationSeconds: 4, width: 1280, height: 720 },
    counts: { views: 1, likes: 2, comments: 3 }, createdAt: '2026-11-20T10:00:00Z', ...changes,
  };
}

export function transfer(changes: Partial<Transfer> = {}): Transfer {
  return { id: '1', kind: 'hold', account: 'credits', amount: -40, reference: 'generation:41', balanceAfter: 460, createdAt: '2026-11-20T10:00:00Z', ...changes };
}

/** A promise with its handles outside, to hold an answer back until the test says so. */
export function held<T>() {
  let release: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}
