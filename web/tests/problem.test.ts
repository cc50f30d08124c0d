import { describe, expect, it } from 'vitest';
import { Problem, problemFrom, Unreachable, wordsFor } from '../src/api/problem';
import { reply } from './kit';

describe('a problem document', () => {
  it('keeps its code, words and trace', async () => {
    const problem = await problemFrom(reply(402, { title: 'Not enough credits.', detail: 'You have 12, this costs 40.', code: 'payments.insufficient_credits', traceId: 'abc' }));
    expect(problem).toMatchObject({ status: 402, code: 'payments.insufficient_credits', traceId: 'abc', words: 'You have 12, this costs 40.' });
  });

  it('gives errors by field, whether they come by pointer or as a list', async () => {
    const byPointer = await problemFrom(reply(422, { errors: { '/email': ['is taken', 'is odd'], '#/handle': 'too short' } }));
    const asList = await problemFrom(reply(422, { errors: [{ pointer: '#/email', detail: 'is taken' }, { pointer: '/handle', message: 'too short' }] }));
    for (const problem of [byPointer, asList]) {
      expect(problem.field('email')).toBe('is taken');
      expect(problem.field('handle')).toBe('too short');
      expect(problem.field('password')).toBeNull();
    }
  });

  it('is made of the status alone when the body is no JSON', async () => {
    const problem = await problemFrom(new Response('<html>Bad gateway</html>', { status: 502 }));
    expect(problem).toMatchObject({ status: 502, code: 'http.502' });
    expect(problem.words).not.toContain('html');
  });

  it.each([null, 7, 'text', [], { errors: 3 }, { title: 5, code: [] }])('survives a body of %j', async (body) => {
    await expect(problemFrom(reply(400, body))).resolves.toBeInstanceOf(Problem);
  });

  it('says how long to wait when there was too much', async () => {
    expect((await problemFrom(reply(429, {}, { 'Retry-After': '7' }))).words).toContain('7 s');
    expect((await problemFrom(reply(429, {}, { 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' }))).retryAfterSeconds).toBeNull();
  });

  it('is never confused with no answer at all', () => {
    expect(wordsFor(new Unreachable('GET /works'))).toContain('cannot be reached');
    expect(wordsFor(new TypeError('x is undefined'))).not.toContain('undefined');
  });
});
