import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const source = join(import.meta.dirname, '../src');

/** Every module and the modules that it imports, types included. */
function importGraph(): Map<string, string[]> {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(source, file), 'utf8');
      const specifiers = [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'(\.[^']+)'/g)].map((match) => match[1] ?? '');
      const targets = specifiers
        .filter((specifier) => !specifier.endsWith('.css'))
        .map((specifier) => {
          const base = relative(source, join(source, dirname(file), specifier));
          const found = [`${base}.ts`, `${base}.tsx`].find((candidate) => existsSync(join(source, candidate)));
          if (!found) throw new Error(`${file} imports ${specifier}, which is nowhere`);
          return found;
        });
      return [file, targets];
    }),
  );
}

function firstCycle(graph: Map<string, string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return null;
}

describe('the house', () => {
  it('has no modules that import each other in a circle', () => {
    const graph = importGraph();
    expect(graph.size).toBeGreaterThan(50);
    expect(firstCycle(graph)).toBeNull();
  });

  it('finds a circle where there is one', () => {
    expect(firstCycle(new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]]))).toEqual(['b', 'c', 'b']);
  });
});
