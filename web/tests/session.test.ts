import { describe, expect, it, vi } from 'vitest';
import { Problem, Unreachable } from '../src/api/problem';
import { clientOn, fakeServer, held, me, reply, signedInReply } from './kit';

const refused = () => reply(401, { code: 'unauthenticated', title: 'Sign in first.' });
const adopt = (token: string) => ({ user: me, accessToken: token, expiresIn: 900, refreshToken: 'r' });

describe('the session', () => {
  it('restores itself from the cookie on page load, sending no token of its own', async () => {
    localStorage.setItem('skyriff.signed-in', '1');
    const server = fakeServer({ 'POST /auth/refresh': () => signedInReply('one') });
    const { session } = clientOn(server.fetch);
    session.start();
    expect(session.state().status).toBe('restoring');
    await vi.waitFor(() => expect(session.state()).toMatchObject({ status: 'signedIn', user: { handle: 'nova' } }));
    expect(server.calls[0]?.body).toEqual({});
  });

  it('asks for nothing where nobody ever signed in', () => {
    const server = fakeServer({});
    const { session } = clientOn(server.fetch);
    session.start();
    expect(session.state().status).toBe('signedOut');
    expect(server.calls).toHaveLength(0);
  });

  it('is signed out, and forgets the hint, when the cookie is no longer good', async () => {
    localStorage.setItem('skyriff.signed-in', '1');
    const { session } = clientOn(fakeServer({ 'POST /auth/refresh': refused }).fetch);
    session.start();
    await vi.waitFor(() => expect(session.state().status).toBe('signedOut'));
    expect(localStorage.getItem('skyriff.signed-in')).toBeNull();
  });

  it('keeps the hint when the server cannot be reached, so that a reload may work', async () => {
    localStorage.setItem('skyriff.signed-in', '1');
    const { session } = clientOn(fakeServer({}).fetch);
    session.start();
    await vi.waitFor(() => expect(session.state().status).toBe('signedOut'));
    expect(localStorage.getItem('skyriff.signed-in')).toBe('1');
  });

  it('leaves no token in any storage', () => {
    const { session } = clientOn(fakeServer({}).fetch);
    session.adopt(adopt('secret-token'));
    for (const storage of [localStorage, sessionStorage]) {
      const kept = Array.from({ length: storage.length }, (_, index) => storage.getItem(storage.key(index) ?? ''));
      expect(kept.join()).not.toContain('secret-token');
    }
    expect(document.cookie).not.toContain('secret-token');
  });
});

describe('a request', () => {
  it('refreshes once for many that are refused together, and repeats each with the new token', async () => {
    const rotation = held<Response>();
    const server = fakeServer({
      'POST /auth/refresh': () => rotation.promise,
      'GET /wallet': ({ headers }) => (headers.get('Authorization') === 'Bearer two' ? reply(200, { credits: 1 }) : refused()),
    });
    const { session, client } = clientOn(server.fetch);
    session.adopt(adopt('one'));
    const all = Promise.all(Array.from({ length: 8 }, () => client.request('GET', '/wallet')));
    await vi.waitFor(() => expect(server.count('POST', '/auth/refresh')).toBe(1));
    rotation.release(signedInReply('two'));
    await expect(all).resolves.toEqual(Array.from({ length: 8 }, () => ({ credits: 1 })));
    expect(server.count('POST', '/auth/refresh')).toBe(1);
    expect(server.count('GET', '/wallet')).toBe(16);
  });

  it('does not refresh again for a token that another request has already replaced', async () => {
    const late = held<Response>();
    let asked = 0;
    const server = fakeServer({
      'POST /auth/refresh': () => signedInReply('two'),
      'GET /slow': ({ headers }) => (headers.get('Authorization') === 'Bearer one' ? late.promise : reply(200, 'slow')),
      'GET /fast': ({ headers }) => (headers.get('Authorization') === 'Bearer one' ? refused() : reply(200, `fast ${++asked}`)),
    });
    const { session, client } = clientOn(server.fetch);
    session.adopt(adopt('one'));
    const slow = client.request('GET', '/slow');
    await expect(client.request('GET', '/fast')).resolves.toBe('fast 1');
    late.release(refused());
    await expect(slow).resolves.toBe('slow');
    expect(server.count('POST', '/auth/refresh')).toBe(1);
  });

  it('gives up after one repeat: a second 401 is the answer', async () => {
    const server = fakeServer({ 'POST /auth/refresh': () => signedInReply('two'), 'GET /wallet': refused });
    const { session, client } = clientOn(server.fetch);
    session.adopt(adopt('one'));
    await expect(client.request('GET', '/wallet')).rejects.toMatchObject({ status: 401 });
    expect(server.count('GET', '/wallet')).toBe(2);
  });

  it('renews a token that is about to end before it is used', async () => {
    const server = fakeServer({ 'POST /auth/refresh': () => signedInReply('two'), 'GET /wallet': ({ headers }) => reply(200, headers.get('Authorization')) });
    const { session, client, clock } = clientOn(server.fetch);
    session.adopt(adopt('one'));
    await expect(client.request('GET', '/wallet')).resolves.toBe('Bearer one');
    clock.now = 890_000;
    await expect(client.request('GET', '/wallet')).resolves.toBe('Bearer two');
  });

  it('is sent without a token, and without a refresh, for a visitor', async () => {
    const server = fakeServer({ 'GET /works': ({ headers }) => reply(200, headers.has('Authorization')) });
    await expect(clientOn(server.fetch).client.request('GET', '/works')).resolves.toBe(false);
  });

  it('stays signed in when the refresh fails for a reason that is not about the session', async () => {
    const server = fakeServer({ 'POST /auth/refresh': () => reply(503, {}) });
    const { session, client, clock } = clientOn(server.fetch);
    session.adopt(adopt('one'));
    clock.now = 2_000_000;
    await expect(client.request('GET', '/wallet')).rejects.toBeInstanceOf(Problem);
    expect(session.state().status).toBe('signedIn');
  });

  it('that gets no answer is told apart from one that is refused', async () => {
    await expect(clientOn(fakeServer({}).fetch).client.request('GET', '/works')).rejects.toBeInstanceOf(Unreachable);
  });

  it('carries the idempotency key, and repeats with the same one after a 401', async () => {
    const server = fakeServer({
      'POST /auth/refresh': () => signedInReply('two'),
      'POST /orders': ({ headers }) => (headers.get('Authorization') === 'Bearer two' ? reply(201, { id: '1' }) : refused()),
    });
    const { session, client } = clientOn(server.fetch);
    session.adopt(adopt('one'));
    await client.request('POST', '/orders', { body: { packId: 'a' }, idempotencyKey: 'k-1' });
    const keys = server.calls.filter((call) => call.path === '/orders').map((call) => call.headers.get('Idempotency-Key'));
    expect(keys).toEqual(['k-1', 'k-1']);
  });
});
