// A stand-in for the program, for screenshots only: it keeps to the contract of the API in memory, and serves the built app.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.webp': 'image/webp', '.mp4': 'video/mp4', '.m4s': 'video/iso.segment', '.m3u8': 'application/vnd.apple.mpegurl', '.woff2': 'font/woff2', '.webmanifest': 'application/manifest+json' };

const titles = [
  ['Lantern tide', 'mira'], ['Salt and static', 'otto'], ['Arcade rain', 'june'], ['The last campfire on the ridge', 'sol'], ['Moss cathedral', 'mira'], ['Orbit for beginners', 'ada'], ['Dune letters', 'otto'], ['White hours', 'june'],
  ['Harbour lights', 'ada'], ['Slow thunder over the plain', 'sol'], ['Midnight tram', 'mira'], ['Glasshouse', 'otto'], ['Paper moons', 'june'], ['Ember choir', 'sol'], ['Northbound', 'ada'], ['Undertow', 'mira'], ['Kite season', 'otto'], ['Blue noise', 'june'], ['First snow', 'sol'], ['Tidal clock', 'ada'],
];

/** `stepMs` is how long each status of a generation lasts; `works` how many clips the feed has. */
export async function startMock({ media, mediaFolder, dist, works: workCount = 20, stepMs = 1200, failFeed = false }) {
  const now = Date.now();
  const iso = (agoMinutes = 0) => new Date(now - agoMinutes * 60_000).toISOString();
  let nextId = 72057594037927940n;
  const id = () => String(nextId++);
  const user = { id: id(), handle: 'nova', email: 'nova@example.org', displayName: 'Nova Lind', bio: 'Weather, mostly.', avatar: null, createdAt: iso(9000) };
  const wallet = { credits: 460, held: 0, coins: 128 };
  const transfers = [];
  const move = (kind, amount, reference, agoMinutes = 0) => transfers.unshift({ id: id(), kind, account: 'credits', amount, reference, balanceAfter: wallet.credits, createdAt: iso(agoMinutes) });
  const generations = [];
  const orders = new Map();
  const streams = new Set();
  let eventId = 0;
  const works = titles.slice(0, workCount).map(([title, handle], index) => ({
    id: id(), title,
    description: 'Shot in one take from a single sentence. The light comes from the words, the rest is weather.',
    tags: ['night', 'sea', 'slow'], visibility: 'public',
    author: { id: `9${index}`, handle, displayName: handle[0].toUpperCase() + handle.slice(1), avatar: null },
    playback: media[index % media.length], counts: { views: 1284 * (index + 1), likes: 96 + index * 7, comments: 12 }, viewer: null, createdAt: iso(14 + index * 47),
  }));

  const emit = (name, data) => {
    eventId += 1;
    for (const stream of streams) stream.write(`id: ${eventId}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const add = (generation, agoMinutes) => {
    const whole = { id: id(), status: 'queued', progress: 0, queuePosition: 3, etaSeconds: 24, failure: null, workId: null, preview: null, model: 'studio-1', seconds: 4, size: '1280x720', receipt: { quoted: 40, held: 40, captured: 0, released: 0 }, createdAt: iso(agoMinutes), ...generation };
    generations.unshift(whole);
    return whole;
  };
  const settle = (generation, kind) => {
    const { held } = generation.receipt;
    wallet.held -= held;
    if (kind === 'release') wallet.credits += held;
    generation.receipt[kind === 'release' ? 'released' : 'captured'] = held;
    move(kind, kind === 'release' ? held : 0, `generation:${generation.id}`);
    emit('wallet', wallet);
  };
  const change = (generation, changes) => {
    if (generation.status === 'cancelled') return;
    Object.assign(generation, changes);
    emit('generation', generation);
  };
  const run = (generation) => {
    const clip = media.find((each) => each.height > each.width === Number(generation.size.split('x')[1]) > Number(generation.size.split('x')[0])) ?? media[0];
    const script = [
      { queuePosition: 2, etaSeconds: 18 },
      { status: 'running', queuePosition: null, progress: 12, etaSeconds: 12 },
      { progress: 48, etaSeconds: 8 },
      /\bfail\b/.test(generation.prompt) ? { status: 'failed', failure: { code: 'output_moderation', detail: null }, etaSeconds: null } : { progress: 83, etaSeconds: 4 },
      { status: 'packaging', progress: 40, etaSeconds: 3, preview: { hls: clip.hls } },
      { status: 'ready', progress: 100, etaSeconds: null, preview: clip },
    ];
    script.forEach((changes, index) => setTimeout(() => {
      if (generation.status === 'failed' || generation.status === 'cancelled') return;
      if (changes.status === 'failed') settle(generation, 'release');
      if (changes.status === 'ready') settle(generation, 'capture');
      change(generation, changes);
    }, (index + 1) * stepMs));
  };

  move('starter_grant', 500, 'starter', 8000);
  const past = [
    { prompt: 'A paper boat on a rain-dark canal, lanterns above', status: 'failed', progress: 30, failure: { code: 'transient', detail: null }, receipt: { quoted: 40, held: 40, captured: 0, released: 40 } },
    { prompt: 'A lighthouse in a storm, seen from a small boat, waves breaking over the lens', status: 'ready', progress: 100, preview: media[1], workId: works[0]?.id ?? null, receipt: { quoted: 40, held: 40, captured: 40, released: 0 } },
    { prompt: 'Embers rising from a campfire into a sky full of stars', status: 'ready', progress: 100, preview: media[3], receipt: { quoted: 80, held: 80, captured: 80, released: 0 }, seconds: 8 },
    { prompt: 'Fog over a city, the towers like ships', status: 'cancelled', progress: 0, receipt: { quoted: 40, held: 40, captured: 0, released: 40 } },
  ].map((each, index) => add({ queuePosition: null, etaSeconds: null, ...each }, 4000 - index * 700));
  for (const each of past.slice(0, 3)) {
    move('hold', -each.receipt.held, `generation:${each.id}`, 3000);
    move(each.receipt.captured > 0 ? 'capture' : 'release', each.receipt.released, `generation:${each.id}`, 2998);
  }

  const problem = (response, status, code, title, extra = {}) => {
    response.writeHead(status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ type: `about:blank`, title, status, code, traceId: 'a1b2', ...extra }));
  };
  const json = (response, status, body, headers = {}) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
  const signedIn = (response, status) => json(response, status, { user, accessToken: 'token', expiresIn: 900, refreshToken: 'r' }, { 'Set-Cookie': 'skyriff_refresh=r; Path=/api/v1/auth; HttpOnly; SameSite=Strict' });
  const page = (items, query) => {
    const start = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 20);
    return { items: items.slice(start, start + limit), nextCursor: start + limit < items.length ? String(start + limit) : null };
  };
  const like = (response, id, liked) => {
    const work = works.find((each) => each.id === id);
    if (!work) return problem(response, 404, 'videos.work_not_found', 'No such work.');
    if ((work.viewer?.liked ?? false) !== liked) work.counts.likes += liked ? 1 : -1;
    work.viewer = { liked };
    return json(response, 200, { likes: work.counts.likes, liked });
  };
  const perSecond = { 'studio-1': 10, 'studio-1-fine': 18 };

  const routes = {
    'POST /auth/register': (_, response, { body }) => {
      const errors = {};
      if (body.handle === 'taken') errors['/handle'] = ['Someone else has this handle.'];
      if (!body.email.includes('@')) errors['/email'] = ['This is not an e-mail address.'];
      if (body.password.length < 10) errors['/password'] = ['At least 10 characters.'];
      if (Object.keys(errors).length > 0) return problem(response, 422, 'validation', 'Some of this needs another look.', { errors });
      return signedIn(response, 201);
    },
    'POST /auth/login': (_, response, { body }) => (body.password === 'wrong' ? problem(response, 401, 'users.bad_login', 'Sign-in refused.') : signedIn(response, 200)),
    'POST /auth/refresh': (request, response) => ((request.headers.cookie ?? '').includes('skyriff_refresh') ? signedIn(response, 200) : problem(response, 401, 'users.no_session', 'No session.')),
    'POST /auth/logout': (_, response) => json(response, 204, undefined, { 'Set-Cookie': 'skyriff_refresh=; Path=/api/v1/auth; Max-Age=0' }),
    'GET /auth/sessions': (_, response) => json(response, 200, { items: [{ id: '1', device: 'Chrome on Linux', createdAt: iso(3000), lastSeenAt: iso(), current: true }, { id: '2', device: 'Safari on iPhone', createdAt: iso(20000), lastSeenAt: iso(400), current: false }], nextCursor: null }),
    'DELETE /auth/sessions/:id': (_, response) => json(response, 204),
    'GET /users/me': (_, response) => json(response, 200, user),
    'PATCH /users/me': (_, response, { body }) => json(response, 200, Object.assign(user, body)),
    'GET /wallet': (_, response) => json(response, 200, wallet),
    'GET /wallet/transfers': (_, response, { query }) => json(response, 200, page(transfers, query)),
    'GET /credit-packs': (_, response) => json(response, 200, { items: [{ id: 'spark', name: 'Spark', credits: 500, price: { amount: 499, currency: 'USD' } }, { id: 'reel', name: 'Reel', credits: 1200, price: { amount: 999, currency: 'USD' } }, { id: 'feature', name: 'Feature', credits: 3500, price: { amount: 2499, currency: 'USD' } }], nextCursor: null }),
    'POST /orders': (_, response) => {
      const order = { id: id(), status: 'pending', price: { amount: 999, currency: 'USD' }, credits: 1200, checkoutUrl: null, createdAt: iso() };
      order.checkoutUrl = `/sandbox/checkout/${order.id}`;
      orders.set(order.id, order);
      return json(response, 201, order);
    },
    'GET /orders/:id': (_, response, { params }) => (orders.has(params[0]) ? json(response, 200, orders.get(params[0])) : problem(response, 404, 'payments.no_order', 'No such order.')),
    'POST /sandbox/payments/:id/complete': (_, response, { params }) => {
      setTimeout(() => {
        orders.get(params[0]).status = 'paid';
        wallet.credits += 1200;
        move('purchase', 1200, `order:${params[0]}`);
      }, 600);
      return json(response, 202, {});
    },
    'GET /models': (_, response) => json(response, 200, { items: [{ id: 'studio-1', name: 'Studio', provider: 'studio', seconds: [4, 6, 8, 12], sizes: ['1280x720', '720x1280', '1024x1024'], creditsPerSecond: 10, supportsInputReference: true }, { id: 'studio-1-fine', name: 'Studio Fine', provider: 'studio', seconds: [4, 8], sizes: ['1920x1080', '1080x1920'], creditsPerSecond: 18, supportsInputReference: false }], nextCursor: null }),
    'POST /generations/quote': (_, response, { body }) => json(response, 200, { model: 'studio-1', seconds: 4, size: '1280x720', ...body, credits: (perSecond[body.model] ?? 10) * (body.seconds ?? 4) }),
    'POST /generations': (_, response, { body }) => {
      const credits = (perSecond[body.model] ?? 10) * body.seconds;
      const rest = { ...body };
      delete rest.inputReference;
      wallet.credits -= credits;
      wallet.held += credits;
      const generation = add({ ...rest, receipt: { quoted: credits, held: credits, captured: 0, released: 0 } }, 0);
      move('hold', -credits, `generation:${generation.id}`);
      run(generation);
      return json(response, 202, generation);
    },
    'GET /generations': (_, response, { query }) => json(response, 200, page(generations, query)),
    'GET /generations/:id': (_, response, { params }) => {
      const generation = generations.find((each) => each.id === params[0]);
      return generation ? json(response, 200, generation) : problem(response, 404, 'videos.no_generation', 'No such generation.');
    },
    'DELETE /generations/:id': (_, response, { params }) => {
      const generation = generations.find((each) => each.id === params[0]);
      settle(generation, 'release');
      change(generation, { status: 'cancelled', etaSeconds: null, queuePosition: null });
      return json(response, 200, generation);
    },
    'POST /works': (_, response, { body }) => {
      const generation = generations.find((each) => each.id === body.generationId);
      const work = { id: id(), ...body, author: { id: user.id, handle: user.handle, displayName: user.displayName }, playback: generation.preview, counts: { views: 0, likes: 0, comments: 0 }, viewer: { liked: false }, createdAt: iso() };
      generation.workId = work.id;
      works.unshift(work);
      return json(response, 201, work);
    },
    'GET /works': (_, response, { query }) => (failFeed ? problem(response, 503, 'overloaded', 'Too busy.', { detail: 'The feed is catching its breath. Try again in a moment.' }) : json(response, 200, page(works, query))),
    'PUT /works/:id/like': (_, response, { params }) => like(response, params[0], true),
    'DELETE /works/:id/like': (_, response, { params }) => like(response, params[0], false),
    'GET /works/:id': (_, response, { params }) => {
      const work = works.find((each) => each.id === params[0]);
      return work ? json(response, 200, work) : problem(response, 404, 'videos.no_work', 'No such work.');
    },
    'GET /events': (request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write(': hello\n\n');
      streams.add(response);
      request.on('close', () => streams.delete(response));
    },
  };
  const open = /^(POST \/auth\/(register|login|refresh)|GET \/(works|models|credit-packs))/;

  const serveFile = (request, response, file) => {
    const { size } = statSync(file);
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
    const start = range ? Number(range[1]) : 0;
    const end = range?.[2] ? Number(range[2]) : size - 1;
    response.writeHead(range ? 206 : 200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Length': end - start + 1, 'Accept-Ranges': 'bytes', ...(range ? { 'Content-Range': `bytes ${start}-${end}/${size}` } : {}) });
    createReadStream(file, { start, end }).pipe(response);
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (url.pathname.startsWith('/media/')) return serveFile(request, response, join(mediaFolder, normalize(url.pathname.slice(7))));
    if (!url.pathname.startsWith('/api/v1/')) {
      const file = join(dist, normalize(url.pathname));
      if (url.pathname !== '/' && existsSync(file) && statSync(file).isFile()) return serveFile(request, response, file);
      response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; media-src 'self' blob:; worker-src 'self' blob:" });
      return response.end(readFileSync(join(dist, 'index.html')));
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
    const path = url.pathname.slice('/api/v1'.length);
    for (const [route, handle] of Object.entries(routes)) {
      const [method, pattern] = route.split(' ');
      const match = method === request.method && new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`).exec(path);
      if (!match) continue;
      if (!open.test(`${method} ${path}`) && request.headers.authorization !== 'Bearer token') return problem(response, 401, 'unauthenticated', 'Sign in first.');
      return handle(request, response, { body, query: url.searchParams, params: match.slice(1) });
    }
    return problem(response, 404, 'not_found', 'No such route.');
  });
  await new Promise((resolve) => server.listen(Number(process.env.MOCK_PORT ?? 0), '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    works,
    generations,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
