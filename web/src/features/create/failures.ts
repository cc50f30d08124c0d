import type { Generation } from '../../api/types';

export type FailureWords = { title: string; text: string; /** Whether the same words may do better next time. */ again: 'same' | 'change' };

const byClass: readonly (readonly [match: RegExp, words: FailureWords])[] = [
  [/input.?moderation|prompt.?(refused|blocked)/, { title: 'The prompt was not accepted', text: 'The model’s safety check refused these words. Say it another way.', again: 'change' }],
  [/output.?moderation/, { title: 'The result was held back', text: 'The clip was made, but the model’s safety check did not let it out. Change the scene a little.', again: 'change' }],
  [/invalid.?request/, { title: 'The model could not take that', text: 'These settings or this image do not work with the model. Change one of them.', again: 'change' }],
  [/bad.?output/, { title: 'The clip came out broken', text: 'The model delivered a file that does not play, twice. It often works the next time.', again: 'same' }],
  [/throttled|transient|provider.?(account|unavailable)|unavailable/, { title: 'The model is having trouble', text: 'It did not answer, however often we asked. Try again in a while, or with another model.', again: 'same' }],
  [/lost/, { title: 'We lost sight of it', text: 'The model never told us what became of this clip, so we closed it in your favour.', again: 'same' }],
  [/expired|deadline|time.?out/, { title: 'It took too long', text: 'The clip was not ready within its time limit, so we stopped waiting.', again: 'same' }],
];

const otherwise: FailureWords = { title: 'The clip did not work out', text: 'Something went wrong on our side.', again: 'same' };

export function failureWords(failure: Generation['failure']): FailureWords {
  const code = typeof failure === 'string' ? failure : (failure?.code ?? '');
  return byClass.find(([match]) => match.test(code.toLowerCase()))?.[1] ?? otherwise;
}
