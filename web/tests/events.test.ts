import { describe, expect, it, vi } from 'vitest';
import { changeOf, mergeGeneration, mergeIntoPages } from '../src/api/events/changes';
import { LiveStream } from '../src/api/events/live-stream';
import { EventStreamParser, type ServerEvent } from '../src/api/events/parser';
import { Problem } from '../src/api/problem';
import { generation } from './kit';

const sample = ': hello\r\n\r\nid: 7\r\nevent: generation\r\ndata: {"a":\r\ndata: "ü"}\r\n\r\nretry: 250\ndata\n\nevent: wallet\rdata:x\r\r\nid\ndata: last\n\n';

function parse(...pieces: string[]): { events: ServerEvent[]; parser: EventStreamParser } {
  const parser = new EventStreamParser();
  return { events: pieces.flatMap((piece) => parser.push(piece)), parser };
}

describe('the event stream parser', () => {
  it('reads names, ids, lines of data, comments and every line ending', () => {
    const { events, parser } = parse(sample);
    expect(events).toEqual([
      { name: 'generation', data: '{"a":\n"ü"}', id: '7' },
      { name: 'message', data: '', id: '7' },
      { name: 'wallet', data: 'x', id: '7' },
      { name: 'message', data: 'last', id: '' },
    ]);
    expect(parser.retryMs).toBe(250);
  });

  it('reads the same wherever the text is cut', () => {
    const whole = parse(sample).events;
    for (let first = 0; first <= sample.length; first += 1) {
      expect(parse(sample.slice(0, first), sample.slice(first)).events).toEqual(whole);
      for (let second = first; second <= sample.length; second += 7) {
        expect(parse(sample.slice(0, first), sample.slice(first, second), sample.slice(second)).events).toEqual(whole);
      }
    }
  });

  it('dispatches nothing for a block that broke off', () => {
    expect(parse('event: wallet\ndata: 1').events).toEqual([]);
  });

  it('ignores an id with a NUL and a retry that is no number', () => {
    const { events, parser } = parse('id: 1\ndata: a\n\nid: 2\u00003\nretry: soon\ndata: b\n\n');
    expect(events.map((event) => event.id)).toEqual(['1', '1']);
    expect(parser.retryMs).toBeNull();
  });
});

describe('an event', () => {
  const event = (name: string, data: unknown): ServerEvent => ({ name, data: typeof data === 'string' ? data : JSON.stringify(data), id: null });

  it('becomes a change to a generation or the wallet', () => {
    expect(changeOf(event('generation', { id: '4', progress: 5 }))).toEqual({ kind: 'generation', generation: { id: '4', progress: 5 } });
    expect(changeOf(event('wallet', { credits: 1, held: 2, coins: 3 }))).toMatchObject({ kind: 'wallet', wallet: { held: 2 } });
  });

  it.each([event('generation', '{'), event('generation', 'null'), event('generation', { id: 4 }), event('wallet', { held: 1 }), event('notification', { id: '1' }), event('message', '7')])(
    'that cannot be read changes nothing (%o)',
    (unreadable) => expect(changeOf(unreadable)).toBeNull(),
  );
});

describe('merging a generation', () => {
  it('takes what is new and keeps the rest', () => {
    expect(mergeGeneration(generation(), { status: 'running', progress: 30, queuePosition: null })).toMatchObject({ status: 'running', progress: 30, prompt: 'A lighthouse' });
  });

  it.each(['ready', 'failed', 'cancelled'] as const)('never reopens one that is %s', (status) => {
    const over = generation({ status, progress: 60 });
    for (const late of ['queued', 'running', 'packaging', 'ready', 'failed', 'cancelled'] as const) {
      expect(mergeGeneration(over, { status: late, progress: 10 }).status).toBe(status);
    }
  });

  it('still fills in the receipt and the work of one that is over', () => {
    const receipt = { quoted: 40, held: 40, captured: 40, released: 0 };
    expect(mergeGeneration(generation({ status: 'ready' }), { status: 'ready', receipt, workId: '9' })).toMatchObject({ receipt, workId: '9' });
  });

  it('does not run progress backwards within a status, but starts over with a new attempt', () => {
    const running = generation({ status: 'running', progress: 60 });
    expect(mergeGeneration(running, { status: 'running', progress: 40 }).progress).toBe(60);
    expect(mergeGeneration(running, { status: 'queued', progress: 0 }).progress).toBe(0);
  });

  it('finds its place in the pages of a list, and leaves other pages as they are', () => {
    const pages = [{ items: [generation({ id: '1' })], nextCursor: 'a' }, { items: [generation({ id: '2' })], nextCursor: null }];
    const merged = mergeIntoPages(pages, { id: '2', progress: 9 });
    expect(merged[0]).toBe(pages[0]);
    expect(merged[1]?.items[0]?.progress).toBe(9);
  });
});

describe('the live stream', () => {
  const chunked = (...pieces: string[]) =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
          controller.close();
        },
      }),
    );

  it('resumes after the last event that it saw', async () => {
    const opened: (string | undefined)[] = [];
    const events: string[] = [];
    const answers = [() => chunked('id: 5\ndata: a\n\n', 'id: 6\nda', 'ta: b\n\n'), () => Promise.reject(new TypeError('offline')), () => chunked('data: c\n\n')];
    const stream = new LiveStream({
      open: async (headers) => {
        opened.push(headers['Last-Event-ID']);
        const answer = answers.shift();
        return answer ? answer() : new Promise<Response>(() => undefined);
      },
      onEvent: (event) => events.push(event.data),
      onConnected: () => undefined,
      random: () => 0,
    });
    stream.start();
    await vi.waitFor(() => expect(opened).toHaveLength(4));
    stream.stop();
    expect(opened).toEqual([undefined, '6', '6', '6']);
    expect(events).toEqual(['a', 'b', 'c']);
  });

  it('gives up where the server will not have it, and says that it does not flow', async () => {
    const connected: boolean[] = [];
    const open = vi.fn(() => Promise.reject(new Problem({ status: 404, code: 'x', title: 'x' })));
    const stream = new LiveStream({ open, onEvent: () => undefined, onConnected: (value) => connected.push(value), random: () => 0 });
    stream.start();
    await vi.waitFor(() => expect(connected).toEqual([false]));
    expect(open).toHaveBeenCalledTimes(1);
    stream.stop();
  });

  it('asks no more once it is stopped', async () => {
    const open = vi.fn(() => Promise.resolve(chunked('data: a\n\n')));
    const stream: LiveStream = new LiveStream({ open, onEvent: () => stream.stop(), onConnected: () => undefined, random: () => 0 });
    stream.start();
    await vi.waitFor(() => expect(open).toHaveBeenCalledTimes(1));
    stream.stop();
    await new Promise(setImmediate);
    expect(open).toHaveBeenCalledTimes(1);
  });
});
