// What a visitor's first page downloads: the entry and the feed, with everything they import statically, gzipped.
//   npm run build && npm run size
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const initialBytesMax = 110_000;
const dist = join(import.meta.dirname, '../dist');
const assets = join(dist, 'assets');

const entry = /<script[^>]+src="\/assets\/([^"]+)"/.exec(readFileSync(join(dist, 'index.html'), 'utf8'))?.[1];
const feed = readdirSync(assets).find((name) => /^FeedPage-.*\.js$/.test(name));
if (!entry || !feed) throw new Error('build first: dist has no entry or no feed');

const wanted = [entry, feed];
for (const name of wanted) {
  const code = readFileSync(join(assets, name), 'utf8');
  for (const [, imported] of code.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) {
    if (!wanted.includes(imported)) wanted.push(imported);
  }
}
let total = 0;
for (const name of wanted) {
  const bytes = gzipSync(readFileSync(join(assets, name)), { level: 9 }).length;
  total += bytes;
  console.log(`${String(bytes).padStart(8)}  ${name}`);
}
console.log(`${String(total).padStart(8)}  in all, of at most ${initialBytesMax}`);
if (total > initialBytesMax) process.exitCode = 1;
