// Walks through the built app in Chromium, against the mock, and takes a picture of every page on a desk and on a phone.
//   npm run build && npm run screenshots [-- OUTPUT_FOLDER]
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { startMock } from './mock-server.mjs';
import { sampleMedia } from './sample-media.mjs';

const out = process.argv[2] ?? join(tmpdir(), 'skyriff-screenshots');
const mediaFolder = join(tmpdir(), 'skyriff-sample-media');
mkdirSync(out, { recursive: true });
const media = sampleMedia(mediaFolder);
const dist = join(import.meta.dirname, '../dist');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
const complaints = [];

for (const [device, options] of [
  ['desk', { viewport: { width: 1280, height: 800 } }],
  ['phone', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
]) {
  const mock = await startMock({ media, mediaFolder, dist, stepMs: Number(process.env.STEP_MS ?? 1500) });
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`${device}: ${error.message}`));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(`${device}: ${message.text()} ${message.location().url}`));
  const shot = (name, fullPage = false) => page.screenshot({ path: join(out, `${device}-${name}.png`), fullPage });
  const open = async (path) => {
    await page.goto(mock.url + path);
    await page.waitForLoadState('load');
    await page.evaluate(() => document.fonts.ready);
  };

  await open('/');
  await page.waitForSelector('article');
  await page.waitForTimeout(700);
  await shot('feed-visitor');
  await shot('feed-visitor-full', true);
  if (device === 'desk') {
    await page.hover('article >> nth=3');
    await page.waitForTimeout(500);
    await shot('feed-hover');
  }
  await open('/nowhere');
  await shot('not-found');
  await open('/register');
  await page.waitForSelector('form');
  await shot('register');
  await page.fill('[name=handle]', 'taken');
  await page.fill('[name=email]', 'nova');
  await page.fill('[name=new-password]', 'short');
  await page.click('[type=submit]');
  await page.waitForSelector('[role=alert]');
  await shot('register-errors');
  await page.fill('[name=handle]', 'nova');
  await page.fill('[name=email]', 'nova@example.org');
  await page.fill('[name=new-password]', 'a long enough one');
  await page.click('[type=submit]');
  await page.waitForSelector('textarea');
  await page.waitForTimeout(700);
  await shot('create-empty', true);
  await page.fill('textarea', 'A lighthouse in a storm, seen from a small boat, waves breaking over the lens');
  await page.click('text=Sunrise');
  await page.click('text=8 s');
  await page.waitForTimeout(900);
  await shot('create', true);
  await page.click('[type=submit]');
  await page.waitForURL('**/g/*');
  await page.waitForTimeout(600);
  await shot('making-queued');
  await page.waitForTimeout(3900);
  await shot('making-running');
  await page.click('text=Call it off');
  await page.waitForTimeout(300);
  await shot('making-cancel');
  await page.click('text=Keep rolling');
  await page.waitForSelector('text=Cutting the print');
  await page.waitForTimeout(700);
  await shot('making-early', true);
  await page.waitForSelector('text=Put it on the screen');
  await page.waitForTimeout(900);
  await shot('ready', true);
  await page.fill('form input >> nth=0', 'The keeper’s hour');
  await page.fill('form input >> nth=1', '#storm, sea night');
  await page.click('text=Publish');
  await page.waitForURL('**/w/*');
  await page.waitForTimeout(1200);
  await shot('work-own');
  await open(`/w/${mock.works[1].id}`);
  await page.waitForTimeout(1800);
  await shot('work', true);
  const played = await page.evaluate(() => {
    const video = document.querySelector('video');
    return video ? { at: video.currentTime, source: video.src.slice(0, 5), width: video.videoWidth } : null;
  });
  console.log(device, 'player', played);
  const upright = mock.works.find((work) => work.playback.height > work.playback.width);
  await open(`/w/${upright.id}`);
  await page.waitForTimeout(1200);
  await shot('work-upright');
  await open('/generations');
  await page.waitForSelector('h1');
  await page.waitForTimeout(700);
  await shot('generations', true);
  await open(`/g/${mock.generations.find((each) => each.status === 'failed').id}`);
  await page.waitForTimeout(800);
  await shot('failed', true);
  await open('/wallet');
  await page.waitForTimeout(900);
  await shot('wallet', true);
  await page.click('text=Buy for >> nth=1');
  await page.waitForURL('**/sandbox/checkout/*');
  await page.waitForTimeout(500);
  await shot('checkout');
  await page.click('text=(sandbox)');
  await page.waitForSelector('text=Paid, thank you');
  await shot('checkout-paid');
  await open('/settings/sessions');
  await page.waitForTimeout(600);
  await shot('settings', true);
  await open('/');
  await page.waitForTimeout(900);
  await shot('feed');
  await page.click('[aria-label^="Account of"]');
  await page.waitForTimeout(300);
  await shot('menu');
  await page.click('text=Sign out');
  await page.waitForTimeout(400);
  await open('/login');
  await page.waitForSelector('form');
  await shot('login');
  await context.close();
  mock.stop();

  for (const [name, extra] of [['feed-empty', { works: 0 }], ['feed-error', { failFeed: true }]]) {
    const sparse = await startMock({ media, mediaFolder, dist, ...extra });
    const visitor = await browser.newContext(options);
    const visit = await visitor.newPage();
    await visit.goto(sparse.url);
    await visit.waitForTimeout(900);
    await visit.screenshot({ path: join(out, `${device}-${name}.png`), fullPage: true });
    await visitor.close();
    sparse.stop();
  }
}
await browser.close();
console.log(`pictures in ${out}`);
for (const complaint of new Set(complaints)) console.log('console:', complaint);
