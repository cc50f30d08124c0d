import { describe, expect, it } from 'vitest';
import { Problem, Unreachable } from '../src/api/problem';
import { randomId } from '../src/api/random-id';
import { Submission } from '../src/api/submission';

const refusal = (status: number) => new Problem({ status, code: 'x', title: 'x' });

/** Sends bodies one after the other, each with its outcome, and answers the keys they carried. */
async function keysOf(...sends: [body: unknown, outcome: unknown][]): Promise<string[]> {
  const submission = new Submission();
  const keys: string[] = [];
  for (const [body, outcome] of sends) {
    await submission
      .send(body, (key) => {
        keys.push(key);
        return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
      })
      .catch(() => undefined);
  }
  return keys;
}

describe('a submission', () => {
  it.each([new Unreachable('lost'), refusal(500), refusal(503), refusal(429), refusal(408)])('keeps its key while the outcome is unknown (%s)', async (outcome) => {
    const [first, second] = await keysOf([{ a: 1 }, outcome], [{ a: 1 }, 'done']);
    expect(second).toBe(first);
  });

  it('takes a new key for another body: the same one would be refused', async () => {
    const [first, second] = await keysOf([{ a: 1 }, new Unreachable('lost')], [{ a: 2 }, 'done']);
    expect(second).not.toBe(first);
  });

  it('takes a new key after a success: asking for the same clip twice makes two', async () => {
    const [first, second] = await keysOf([{ a: 1 }, 'done'], [{ a: 1 }, 'done']);
    expect(second).not.toBe(first);
  });

  it('takes a new key after a refusal: the stored answer must not outlive a top-up', async () => {
    const [first, second] = await keysOf([{ a: 1 }, refusal(402)], [{ a: 1 }, 'done']);
    expect(second).not.toBe(first);
  });

  it('hands the outcome through', async () => {
    await expect(new Submission().send({}, () => Promise.reject(refusal(402)))).rejects.toMatchObject({ status: 402 });
    await expect(new Submission().send({}, () => Promise.resolve('done'))).resolves.toBe('done');
  });
});

describe('a random id', () => {
  it('is a version 4 UUID, and another one each time', () => {
    const ids = Array.from({ length: 200 }, randomId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(200);
  });
});
