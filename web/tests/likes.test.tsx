import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes, useLocation } from 'react-router';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchWork } from '../src/api/calls';
import { session } from '../src/api/client';
import { keys } from '../src/api/keys';
import { patchWork, turned } from '../src/api/likes';
import { newQueryClient } from '../src/api/query-client';
import { LiveEvents } from '../src/app/LiveEvents';
import { FeedPage } from '../src/features/feed/FeedPage';
import { LikeButton } from '../src/features/feed/LikeButton';
import { fakeServer, held, me, reply, work } from './kit';

type Answers = Parameters<typeof fakeServer>[0];

function Place() {
  const { pathname, search } = useLocation();
  return <output data-testid="place">{pathname + search}</output>;
}

/** The feed, and beside it the page of its first work, as far as it matters here. */
function Detail() {
  const shown = useQuery({ queryKey: keys.work('1'), queryFn: ({ signal }) => fetchWork('1', signal) });
  return <section aria-label="detail">{shown.data && <LikeButton work={shown.data} place="page" />}</section>;
}

function open(answers: Answers) {
  const liked = work({ viewer: session.state().status === 'signedIn' ? { liked: false } : null });
  const server = fakeServer({ 'GET /works': () => reply(200, { items: [liked, work({ id: '2', title: 'Salt' })], nextCursor: null }), 'GET /works/1': () => reply(200, liked), ...answers });
  vi.stubGlobal('fetch', server.fetch);
  const cache = newQueryClient();
  render(
    <QueryClientProvider client={cache}>
      <LiveEvents />
      <MemoryRouter initialEntries={['/']}>
        <Place />
        <Routes>
          <Route index element={<><FeedPage /><Detail /></>} />
          <Route path="*" element={null} />
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return { server, cache, user: userEvent.setup() };
}

const signIn = () => session.adopt({ user: me, accessToken: 'one', expiresIn: 900, refreshToken: 'r' });
const hearts = async () => {
  await waitFor(() => expect(screen.getAllByRole('button', { name: /^Like Lantern tide/ })).toHaveLength(2));
  return screen.getAllByRole('button', { name: /^Like Lantern tide/ }) as [HTMLElement, HTMLElement];
};
const state = async () => (await hearts()).map((heart) => `${heart.getAttribute('aria-pressed')} ${heart.textContent}`);

beforeEach(() => session.end());
afterEach(() => vi.unstubAllGlobals());

describe('a like', () => {
  it('shows at once wherever the clip is shown, and stays as the server counts it', async () => {
    signIn();
    const answer = held<Response>();
    const { server, user } = open({ 'PUT /works/1/like': () => answer.promise });
    await user.click((await hearts())[0]);
    expect(await state()).toEqual(['true 3', 'true 3']);
    answer.release(reply(200, { likes: 8, liked: true }));
    await waitFor(async () => expect(await state()).toEqual(['true 8', 'true 8']));
    expect(server.count('PUT', '/works/1/like')).toBe(1);
    expect(screen.getByRole('button', { name: 'Like Salt, 2 likes' }).getAttribute('aria-pressed')).toBe('false');
  });

  it('is given and taken back by the keyboard', async () => {
    signIn();
    const { user, server } = open({ 'PUT /works/1/like': () => reply(200, { likes: 3, liked: true }), 'DELETE /works/1/like': () => reply(200, { likes: 2, liked: false }) });
    const heart = (await hearts())[0];
    heart.focus();
    await user.keyboard('{Enter}');
    await waitFor(async () => expect(await state()).toEqual(['true 3', 'true 3']));
    await user.keyboard(' ');
    await waitFor(async () => expect(await state()).toEqual(['false 2', 'false 2']));
    await waitFor(() => expect(server.count('DELETE', '/works/1/like')).toBe(1));
  });

  it('that the server refuses is taken back, with the reason', async () => {
    signIn();
    const answer = held<Response>();
    const { user } = open({ 'PUT /works/1/like': () => answer.promise });
    await user.click((await hearts())[1]);
    expect(await state()).toEqual(['true 3', 'true 3']);
    answer.release(reply(404, { code: 'videos.work_not_found', title: 'No such work', detail: 'It is gone.' }));
    expect((await screen.findByRole('alert')).textContent).toBe('It is gone.');
    expect(await state()).toEqual(['false 2', 'false 2']);
  });

  it('clicked again before the answer is sent in order, and only the last answer is shown', async () => {
    signIn();
    const first = held<Response>();
    const second = held<Response>();
    const { user, server } = open({ 'PUT /works/1/like': () => first.promise, 'DELETE /works/1/like': () => second.promise });
    const heart = (await hearts())[0];
    await user.click(heart);
    await user.click(heart);
    expect(await state()).toEqual(['false 2', 'false 2']);
    expect(server.count('DELETE', '/works/1/like')).toBe(0);
    first.release(reply(200, { likes: 3, liked: true }));
    await waitFor(() => expect(server.count('DELETE', '/works/1/like')).toBe(1));
    expect(await state()).toEqual(['false 2', 'false 2']);
    second.release(reply(200, { likes: 5, liked: false }));
    await waitFor(async () => expect(await state()).toEqual(['false 5', 'false 5']));
  });

  it('of a visitor asks them to sign in, sends nothing, and leads back here', async () => {
    const { user, server } = open({});
    await user.click((await hearts())[0]);
    expect(screen.getByRole('dialog', { name: 'Like this clip?' })).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Not now' }));
    expect(screen.queryByRole('dialog')).toBeNull();
    await user.click((await hearts())[0]);
    await user.click(screen.getByRole('link', { name: 'Sign in' }));
    expect(screen.getByTestId('place').textContent).toBe('/login?next=%2F');
    expect(server.calls.filter((call) => call.path.endsWith('/like'))).toHaveLength(0);
  });
});

describe('signing in', () => {
  it('has the clips that a visitor saw fetched again, and only those', async () => {
    const { server, cache } = open({});
    await hearts();
    cache.setQueryData(keys.work('7'), work({ id: '7', viewer: { liked: true } }));
    signIn();
    await waitFor(() => expect(server.count('GET', '/works')).toBe(2));
    await waitFor(() => expect(server.count('GET', '/works/1')).toBe(2));
    expect(cache.getQueryState(keys.work('7'))?.isInvalidated).toBe(false);
  });
});

describe('the cache', () => {
  it('turns a like once, never below zero, and leaves other clips as they are', () => {
    const clip = work({ counts: { views: 0, likes: 0, comments: 0 }, viewer: { liked: true } });
    expect(turned(clip, true)).toBe(clip);
    expect(turned(clip, false).counts.likes).toBe(0);

    const cache = newQueryClient();
    const other = work({ id: '2' });
    const pages = { pages: [{ items: [other], nextCursor: null }], pageParams: [null] };
    cache.setQueryData(keys.latestWorks, pages);
    patchWork(cache, '1', (each) => turned(each, true));
    expect(cache.getQueryData(keys.latestWorks)).toBe(pages);
    expect(cache.getQueryData(keys.work('1'))).toBeUndefined();
  });
});
