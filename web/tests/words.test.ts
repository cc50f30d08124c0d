import { describe, expect, it } from 'vitest';
import { capabilityOf, dimensionsOf, playbackOf } from '../src/api/generations';
import { deviceName } from '../src/features/auth/deviceName';
import { nextPlace } from '../src/features/auth/next';
import { failureWords } from '../src/features/create/failures';
import { examples, hasHint, moods, paletteOf, withHint, withoutHint } from '../src/features/create/moods';
import { exposureOf, headline, pollMs, stampOf, stepsOf } from '../src/features/create/progress';
import { referenceOf, refusalOf } from '../src/features/create/referenceImage';
import { tagsOf } from '../src/features/create/tags';
import { frameAt, positionOf } from '../src/features/feed/preview';
import { commandFor } from '../src/features/player/keyboard';
import { sourcesOf } from '../src/features/player/sources';
import { checkoutPlace } from '../src/features/wallet/checkout';
import { groupReceipts } from '../src/features/wallet/receipts';
import { ago, money, signed, timecode, wait } from '../src/ui/format';
import { generation, transfer } from './kit';

describe('receipts', () => {
  it('bring a clip’s hold and capture together, and say what it cost though the credits moved only once', () => {
    const [group] = groupReceipts([transfer({ id: '2', kind: 'capture', amount: 0 }), transfer()]);
    expect(group).toMatchObject({ generationId: '41', stamp: { text: 'Paid' }, balanceAfter: 460 });
    expect(group?.lines).toEqual([
      { label: 'Set aside for the clip', value: -40, signed: true },
      { label: 'Paid for the clip', value: 40, signed: false },
    ]);
  });

  it('tell a hold once, though it touches two accounts', () => {
    const [group] = groupReceipts([
      transfer({ id: '4', kind: 'capture', account: 'held', amount: -40, balanceAfter: 0 }),
      transfer({ id: '3', account: 'held', amount: 40, balanceAfter: 40 }),
      transfer(),
    ]);
    expect(group?.lines.map((line) => line.value)).toEqual([-40, 40]);
    expect(group?.balanceAfter).toBe(460);
  });

  it('say "not charged" when it came back', () => {
    expect(groupReceipts([transfer({ id: '2', kind: 'generation.release', amount: 40, balanceAfter: 500 }), transfer()])[0]?.stamp?.text).toBe('Not charged');
  });

  it('keep grants, purchases and unknown kinds apart, each in human words', () => {
    const groups = groupReceipts([
      transfer({ id: '3', kind: 'tip_received', reference: 'work:9', amount: 5 }),
      transfer({ id: '2', kind: 'purchase', reference: 'order:41', amount: 500 }),
      transfer({ id: '1', kind: 'starter_grant', reference: null, amount: 500 }),
    ]);
    expect(groups.map((group) => group.title)).toEqual(['Tip received', 'Credits bought', 'Starter credits']);
    expect(groups.every((group) => group.generationId === null)).toBe(true);
  });
});

describe('the way of a generation', () => {
  it('never shows less than before along queued, running, packaging, ready', () => {
    const way = [generation(), ...[5, 30, 55].map((progress) => generation({ status: 'running', progress })), ...[58, 75, 99].map((progress) => generation({ status: 'packaging', progress })), generation({ status: 'ready' })];
    const shares = way.map(exposureOf);
    expect(shares).toEqual([...shares].sort((one, other) => one - other));
    expect(shares.at(-1)).toBe(1);
  });

  it('marks one step as under way, and none when it ended early', () => {
    expect(stepsOf(generation({ status: 'running' })).map((step) => step.state)).toEqual(['done', 'now', 'later', 'later']);
    expect(stepsOf(generation({ status: 'failed' })).every((step) => step.state === 'stopped')).toBe(true);
    expect(stepsOf(generation({ status: 'ready' })).every((step) => step.state === 'done')).toBe(true);
  });

  it('says who is ahead and how long it may take', () => {
    expect(headline(generation({ queuePosition: 3, etaSeconds: 24 }))).toBe('2 ahead of you, about 25 s to go');
    expect(headline(generation({ queuePosition: 1, etaSeconds: null }))).toBe('Up next');
  });

  it('is polled only while it moves, and seldom while events flow', () => {
    expect(pollMs(generation(), false)).toBe(1500);
    expect(pollMs(generation(), true)).toBe(15_000);
    expect(pollMs(generation({ status: 'ready' }), false)).toBe(false);
  });

  it('stamps the receipt by the ledger, not by the status', () => {
    expect(stampOf(generation({ receipt: { quoted: 4, held: 4, captured: 4, released: 0 } }))?.text).toBe('Paid');
    expect(stampOf(generation({ status: 'failed', receipt: { quoted: 4, held: 4, captured: 0, released: 4 } }))?.text).toBe('Not charged');
    expect(stampOf(generation({ status: 'failed' }))).toBeNull();
    expect(stampOf(generation())?.text).toBe('On hold');
  });

  it.each(['input_moderation', 'videos.output-moderation', 'badOutput', 'lost', 'deadline_exceeded', 'transient', 'provider_account', 'invalid_request'])('explains %s in its own words', (code) => {
    expect(failureWords({ code }).title).not.toBe(failureWords({ code: 'something else' }).title);
  });

  it('plays what there is: a first rendition, everything, or nothing of what failed', () => {
    expect(playbackOf(generation())).toBeNull();
    expect(playbackOf(generation({ status: 'packaging', preview: { hls: '/a.m3u8' } }))).toMatchObject({ hls: '/a.m3u8', mp4: null, width: 1280, durationSeconds: 4 });
    expect(playbackOf(generation({ status: 'packaging', preview: '/a.m3u8' as never }))).toMatchObject({ hls: '/a.m3u8' });
    expect(playbackOf(generation({ status: 'failed', preview: { hls: '/a.m3u8' } }))).toBeNull();
    expect(playbackOf(generation({ preview: { hls: null } }))).toBeNull();
  });
});

describe('the create page’s parts', () => {
  it('add a mood as a person would, and take it away again', () => {
    expect(withHint('A boat.', 'rolling sea waves')).toBe('A boat, rolling sea waves');
    expect(withHint('', 'falling snow')).toBe('Falling snow');
    for (const { hint } of moods) {
      expect(hasHint(withHint('A boat', hint), hint)).toBe(true);
      expect(withoutHint(withHint('A boat', hint), hint)).toBe('A boat');
    }
  });

  it('have a light for every mood and example, and the same one for the same words', () => {
    for (const mood of moods) expect(paletteOf(`see ${mood.hint}`)).toEqual(mood.palette);
    for (const text of [...examples, 'qwerty']) expect(paletteOf(text)).toEqual(paletteOf(text));
    expect(paletteOf('qwerty')).not.toEqual(paletteOf('uiop'));
  });

  it('read tags with commas, spaces and hashes, each once', () => {
    expect(tagsOf(' #Storm, sea  storm,,night ')).toEqual(['storm', 'sea', 'night']);
    expect(tagsOf('')).toEqual([]);
    expect(tagsOf(Array.from({ length: 30 }, (_, index) => `t${index}`).join(' '))).toHaveLength(10);
  });

  it('refuse a file that is no image, is empty or too large, and encode one that is fine', async () => {
    expect(refusalOf({ type: 'image/gif', size: 5 })).toContain('PNG');
    expect(refusalOf({ type: 'image/png', size: 0 })).toContain('empty');
    expect(refusalOf({ type: 'image/png', size: 6_000_000 })).toContain('5 MB');
    expect(refusalOf({ type: 'image/webp', size: 5 })).toBeNull();
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
    const reference = await referenceOf(new File([bytes], 'a.png', { type: 'image/png' }));
    expect(reference.contentType).toBe('image/png');
    expect([...Buffer.from(reference.data, 'base64')]).toEqual([...bytes]);
  });

  it('read a model’s capabilities and a size', () => {
    const model = { id: 'm', name: '', provider: 'studio', seconds: [4], sizes: ['1280x720'], creditsPerSecond: 10, supportsInputReference: true };
    expect(capabilityOf(model)).toMatchObject({ name: 'm', seconds: [4], takesReference: true });
    expect(dimensionsOf('720x1280')).toEqual({ width: 720, height: 1280 });
    expect(dimensionsOf('large')).toEqual({ width: 16, height: 9 });
  });
});

describe('the player', () => {
  const nowhere = { inPlayer: false, typing: false, onControl: false };
  const key = (name: string, more = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, ...more });

  it('listens to its keys anywhere on the page', () => {
    expect(commandFor(key('k'), nowhere)).toEqual({ do: 'toggle' });
    expect(commandFor(key('F'), nowhere)).toEqual({ do: 'fullscreen' });
    expect(commandFor(key('ArrowLeft'), nowhere)).toEqual({ do: 'seek', by: -2 });
    expect(commandFor(key('q'), nowhere)).toBeNull();
  });

  it('leaves typing, shortcuts, focused buttons and the page’s scrolling alone', () => {
    expect(commandFor(key('k'), { ...nowhere, typing: true })).toBeNull();
    expect(commandFor(key('f', { ctrlKey: true }), nowhere)).toBeNull();
    expect(commandFor(key(' '), { ...nowhere, onControl: true })).toBeNull();
    expect(commandFor(key('ArrowDown'), nowhere)).toBeNull();
    expect(commandFor(key('ArrowDown'), { ...nowhere, inPlayer: true })).toEqual({ do: 'volume', by: -0.1 });
  });

  it('prefers the browser’s own HLS, then the library, then the file', () => {
    const clip = { hls: '/a.m3u8', mp4: '/a.mp4' };
    expect(sourcesOf(clip, { nativeHls: true, mediaSource: true }).map((source) => source.kind)).toEqual(['native-hls', 'hls.js', 'mp4']);
    expect(sourcesOf(clip, { nativeHls: false, mediaSource: false }).map((source) => source.kind)).toEqual(['mp4']);
    expect(sourcesOf({ hls: null, mp4: null }, { nativeHls: true, mediaSource: true })).toEqual([]);
  });

  it('shows the frame under the pointer', () => {
    expect([-1, 0, 0.49, 0.999, 2].map(frameAt)).toEqual([0, 0, 4, 9, 9]);
    expect([positionOf(0), positionOf(9)]).toEqual([0, 100]);
  });
});

describe('places to go', () => {
  it('after signing in are within the app', () => {
    const from = (next: string) => nextPlace(new URLSearchParams({ next }));
    expect(from('/g/4?x=1')).toBe('/g/4?x=1');
    for (const bad of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '']) expect(from(bad)).toBe('/');
  });

  it('to pay are a page of ours or a safe one elsewhere', () => {
    const place = (checkoutUrl: string | null) => checkoutPlace({ id: '5', checkoutUrl }, 'http://localhost:5080');
    expect(place('http://localhost:5080/sandbox/checkout/5')).toEqual({ within: true, to: '/sandbox/checkout/5' });
    expect(place('/sandbox/checkout/5')).toEqual({ within: true, to: '/sandbox/checkout/5' });
    expect(place('https://pay.example/5')).toEqual({ within: false, to: 'https://pay.example/5' });
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', null]) expect(place(bad)).toEqual({ within: true, to: '/sandbox/checkout/5' });
  });
});

describe('numbers and times', () => {
  it('read as people write them', () => {
    expect(money({ amount: 499, currency: 'USD' })).toBe('$4.99');
    expect(money({ amount: 499, currency: 'JPY' })).toBe('¥499');
    expect([signed(500), signed(-40), signed(0)]).toEqual(['+500', '−40', '0']);
    expect([timecode(4), timecode(75.4)]).toEqual(['0:04', '1:15']);
    expect([wait(2), wait(12), wait(58), wait(200)]).toEqual(['a few seconds', 'about 15 s', 'about a minute', 'about 3 minutes']);
  });

  it('say how long ago', () => {
    const now = Date.parse('2026-11-20T12:00:00Z');
    expect(ago('2026-11-20T11:59:30Z', now)).toBe('just now');
    expect(ago('2026-11-20T11:45:00Z', now)).toBe('15 minutes ago');
    expect(ago('2026-11-19T11:00:00Z', now)).toBe('yesterday');
    expect(ago('not a time', now)).toBe('');
  });
});

describe('a device', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36', 'Chrome on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0', 'Edge on Windows'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1', 'Safari on iPhone'],
    ['Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0', 'Firefox on Android'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', 'A browser on macOS'],
    ['curl/8.10.1', 'curl/8.10.1'],
    [null, 'Unknown device'],
    ['', 'Unknown device'],
  ])('%s is called %s', (agent, name) => expect(deviceName(agent)).toBe(name));
});
