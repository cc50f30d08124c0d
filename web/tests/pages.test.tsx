import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes, useLocation } from 'react-router';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '../src/api/client';
import { newQueryClient } from '../src/api/query-client';
import { RequireSession } from '../src/app/RequireSession';
import { LoginPage } from '../src/features/auth/LoginPage';
import { RegisterPage } from '../src/features/auth/RegisterPage';
import { CreatePage } from '../src/features/create/CreatePage';
import { GenerationPage } from '../src/features/create/GenerationPage';
import { FeedPage } from '../src/features/feed/FeedPage';
import { SandboxCheckoutPage } from '../src/features/wallet/SandboxCheckoutPage';
import { fakeServer, generation, me, reply, signedInReply, work } from './kit';

type Answers = Parameters<typeof fakeServer>[0];

const models = { items: [{ id: 'studio-1', name: 'Studio', provider: 'studio', seconds: [4, 8], sizes: ['1280x720', '720x1280'], creditsPerSecond: 10, supportsInputReference: false }], nextCursor: null };
const rich: Answers = {
  'GET /models': () => reply(200, models),
  'GET /wallet': () => reply(200, { credits: 100, held: 0, coins: 0 }),
  'POST /generations/quote': ({ body }) => reply(200, { ...(body as object), credits: 10 * (body as { seconds: number }).seconds }),
};

function Place() {
  const { pathname, search } = useLocation();
  return <output data-testid="place">{pathname + search}</output>;
}

const place = () => screen.getByTestId('place').textContent;

function open(path: string, answers: Answers) {
  const server = fakeServer(answers);
  vi.stubGlobal('fetch', server.fetch);
  const Player = ({ playback }: { playback: { hls: string | null } }) => <div data-testid="player">{playback.hls}</div>;
  render(
    <QueryClientProvider client={newQueryClient()}>
      <MemoryRouter initialEntries={[path]}>
        <Place />
        <Routes>
          <Route index element={<FeedPage />} />
          <Route path="login" element={<LoginPage />} />
          <Route path="register" element={<RegisterPage />} />
          <Route element={<RequireSession />}>
            <Route path="create" element={<CreatePage />} />
            <Route path="g/:id" element={<GenerationPage Player={Player} />} />
            <Route path="sandbox/checkout/:orderId" element={<SandboxCheckoutPage />} />
          </Route>
        </Routes>
      </MemoryRouter>
    </QueryClientProvider>,
  );
  return { server, user: userEvent.setup() };
}

const signIn = () => session.adopt({ user: me, accessToken: 'one', expiresIn: 900, refreshToken: 'r' });

beforeEach(() => session.end());
afterEach(() => vi.unstubAllGlobals());

describe('joining', () => {
  it('shows the server’s words at the field they are about, and sends nothing while a field is empty', async () => {
    const { server, user } = open('/register', {
      'POST /auth/register': () => reply(422, { title: 'Look again.', code: 'validation', errors: { '/handle': ['Someone else has this handle.'] } }),
    });
    await user.click(screen.getByRole('button', { name: 'Join SkyRiff' }));
    expect(server.calls).toHaveLength(0);
    expect(screen.getByLabelText('E-mail').getAttribute('aria-invalid')).toBe('true');

    await user.type(screen.getByLabelText('Handle'), 'nova');
    await user.type(screen.getByLabelText('E-mail'), 'nova@example.org');
    await user.type(screen.getByLabelText('Password'), 'a long enough one');
    await user.click(screen.getByRole('button', { name: 'Join SkyRiff' }));
    const words = await screen.findByText('Someone else has this handle.');
    expect(screen.getByLabelText('Handle').getAttribute('aria-describedby')).toContain(words.id);
    expect(screen.getByLabelText('E-mail').getAttribute('aria-invalid')).toBeNull();
    expect(server.calls[0]?.body).toEqual({ handle: 'nova', email: 'nova@example.org', password: 'a long enough one' });
  });

  it('leads a newcomer to the create page, signed in', async () => {
    const { user } = open('/register', { ...rich, 'POST /auth/register': () => signedInReply('one') });
    await user.type(screen.getByLabelText('Handle'), 'nova');
    await user.type(screen.getByLabelText('E-mail'), 'nova@example.org');
    await user.type(screen.getByLabelText('Password'), 'a long enough one{Enter}');
    await waitFor(() => expect(place()).toBe('/create'));
    expect(session.state().status).toBe('signedIn');
  });
});

describe('signing in', () => {
  it('sends a visitor there from a page of one’s own, and back afterwards', async () => {
    const { user } = open('/create?prompt=A+boat', { ...rich, 'POST /auth/login': () => signedInReply('one') });
    expect(place()).toBe('/login?next=%2Fcreate%3Fprompt%3DA%2Bboat');
    await user.type(screen.getByLabelText('Handle or e-mail'), 'nova');
    await user.type(screen.getByLabelText('Password'), 'secret{Enter}');
    await waitFor(() => expect(place()).toBe('/create?prompt=A+boat'));
    expect(await screen.findByDisplayValue('A boat')).toBeTruthy();
  });

  it('says the same for an unknown name and a wrong password', async () => {
    const { user } = open('/login', { 'POST /auth/login': () => reply(401, { code: 'users.bad_login', title: 'No.' }) });
    await user.type(screen.getByLabelText('Handle or e-mail'), 'nova');
    await user.type(screen.getByLabelText('Password'), 'secret{Enter}');
    expect((await screen.findByRole('alert')).textContent).toContain('do not belong together');
  });

  it('shows the password when asked to', async () => {
    const { user } = open('/login', {});
    const field = screen.getByLabelText('Password');
    expect(field.getAttribute('type')).toBe('password');
    await user.click(screen.getByRole('button', { name: 'Show password' }));
    expect(field.getAttribute('type')).toBe('text');
    expect(field.getAttribute('autocomplete')).toBe('current-password');
  });
});

describe('the feed', () => {
  it('goes on with the next page, showing a clip once that comes twice', async () => {
    const pages = [
      { items: [work(), work({ id: '2', title: 'Salt' })], nextCursor: 'more' },
      { items: [work({ id: '2', title: 'Salt' }), work({ id: '3', title: 'Moss' })], nextCursor: null },
    ];
    const { user } = open('/', { 'GET /works': () => reply(200, pages.shift()) });
    await user.click(await screen.findByRole('button', { name: 'Load more' }));
    await screen.findByText('Moss');
    expect(screen.getAllByText('Salt')).toHaveLength(1);
    expect(screen.queryByRole('button', { name: 'Load more' })).toBeNull();
  });

  it('offers the first clip where there is none', async () => {
    open('/', { 'GET /works': () => reply(200, { items: [], nextCursor: null }) });
    expect(await screen.findByText('The screen is still dark')).toBeTruthy();
  });

  it('says what went wrong, asks a faulty server only once, and tries again on demand', async () => {
    let healthy = false;
    const { server, user } = open('/', {
      'GET /works': () => (healthy ? reply(200, { items: [work()], nextCursor: null }) : reply(503, { title: 'x', detail: 'Catching its breath.' })),
    });
    await screen.findByText('Catching its breath.');
    expect(server.count('GET', '/works')).toBe(1);
    healthy = true;
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Lantern tide')).toBeTruthy();
  });
});

describe('creating', () => {
  it('quotes what is chosen, and sends exactly that with a key', async () => {
    signIn();
    const { server, user } = open('/create', { ...rich, 'POST /generations': () => reply(202, generation()), 'GET /generations/41': () => reply(200, generation()) });
    await screen.findByText('40');
    await user.click(screen.getByLabelText(/8 s/));
    await screen.findByText('80');
    await user.type(screen.getByLabelText('Your scene'), ' A lighthouse ');
    await user.click(screen.getByRole('button', { name: 'Sea' }));
    await user.click(screen.getByRole('button', { name: 'Make the clip' }));
    await waitFor(() => expect(place()).toBe('/g/41'));
    const sent = server.calls.find((call) => call.path === '/generations');
    expect(sent?.body).toEqual({ prompt: 'A lighthouse, rolling sea waves', model: 'studio-1', seconds: 8, size: '1280x720' });
    expect(sent?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('keeps the key while nobody knows what became of the first try', async () => {
    signIn();
    let tries = 0;
    const { server, user } = open('/create?prompt=A+boat', {
      ...rich,
      'POST /generations': () => (++tries === 1 ? Promise.reject(new TypeError('offline')) : reply(202, generation())),
      'GET /generations/41': () => reply(200, generation()),
    });
    const button = await screen.findByRole('button', { name: 'Make the clip' });
    await user.click(button);
    expect((await screen.findByRole('alert')).textContent).toContain('cannot be reached');
    await user.click(button);
    await waitFor(() => expect(place()).toBe('/g/41'));
    const keys = server.calls.filter((call) => call.path === '/generations').map((call) => call.headers.get('Idempotency-Key'));
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it('sends nothing without words', async () => {
    signIn();
    const { server, user } = open('/create', rich);
    await user.click(await screen.findByRole('button', { name: 'Make the clip' }));
    expect((await screen.findByRole('alert')).textContent).toBe('Say what should be seen.');
    expect(server.count('POST', '/generations')).toBe(0);
  });

  it('leads to the wallet when the credits do not reach', async () => {
    signIn();
    open('/create', { ...rich, 'GET /wallet': () => reply(200, { credits: 5, held: 0, coins: 0 }) });
    expect((await screen.findByRole('link', { name: 'Get credits' })).getAttribute('href')).toBe('/wallet');
  });
});

describe('watching a generation', () => {
  const at = (...states: ReturnType<typeof generation>[]): Answers => ({ ...rich, 'GET /generations/41': () => reply(200, states.length > 1 ? states.shift() : states[0]) });

  it('polls while no events flow, plays the first rendition early, and offers to publish at the end', async () => {
    signIn();
    open('/g/41', at(generation({ status: 'packaging', preview: { hls: '/early.m3u8' } }), generation({ status: 'ready', preview: { hls: '/whole.m3u8' }, receipt: { quoted: 40, held: 40, captured: 40, released: 0 } })));
    expect((await screen.findByTestId('player')).textContent).toBe('/early.m3u8');
    expect(screen.queryByText('Put it on the screen')).toBeNull();
    expect(await screen.findByText('Put it on the screen', {}, { timeout: 4000 })).toBeTruthy();
    expect(screen.getByTestId('player').textContent).toBe('/whole.m3u8');
    expect(screen.getByText('Paid')).toBeTruthy();
  });

  it('says plainly why it failed and that nothing was charged', async () => {
    signIn();
    open('/g/41', at(generation({ status: 'failed', failure: { code: 'output_moderation' }, receipt: { quoted: 40, held: 40, captured: 0, released: 40 } })));
    expect(await screen.findByText('The result was held back')).toBeTruthy();
    expect(screen.getByText('You were not charged.')).toBeTruthy();
    expect(screen.getByText('Not charged')).toBeTruthy();
  });

  it('is called off only after asking', async () => {
    signIn();
    let status: 'queued' | 'cancelled' = 'queued';
    const { server, user } = open('/g/41', {
      ...rich,
      'GET /generations/41': () => reply(200, generation({ status })),
      'DELETE /generations/41': () => {
        status = 'cancelled';
        return reply(200, generation({ status }));
      },
    });
    await user.click(await screen.findByRole('button', { name: 'Call it off' }));
    expect(server.count('DELETE', '/generations/41')).toBe(0);
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Yes, call it off' }));
    expect(await screen.findByText('You called this one off')).toBeTruthy();
  });

  it('keeps quiet about what belongs to someone else', async () => {
    signIn();
    open('/g/41', { ...rich, 'GET /generations/41': () => reply(404, { code: 'videos.no_generation', title: 'x' }) });
    expect(await screen.findByText('No such clip of yours')).toBeTruthy();
  });
});

describe('the sandbox checkout', () => {
  it('pays, then waits for the order to turn paid', async () => {
    signIn();
    const order = { id: '5', status: 'pending', price: { amount: 999, currency: 'USD' }, credits: 1200, checkoutUrl: null };
    let looks = 0;
    const { server, user } = open('/sandbox/checkout/5', {
      ...rich,
      'GET /orders/5': () => reply(200, { ...order, status: server.count('POST', '/sandbox/payments/5/complete') > 0 && ++looks > 1 ? 'paid' : 'pending' }),
      'POST /sandbox/payments/5/complete': () => reply(202),
    });
    await user.click(await screen.findByRole('button', { name: 'Pay $9.99 (sandbox)' }));
    expect(await screen.findByText('Paid, thank you', {}, { timeout: 4000 })).toBeTruthy();
    expect(server.count('POST', '/sandbox/payments/5/complete')).toBe(1);
  });
});
