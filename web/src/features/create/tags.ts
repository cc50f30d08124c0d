export const tagsMax = 10;
const tagLengthMax = 32;

/** Tags as people type them: separated by commas or spaces, with or without '#'. Each once, in order. */
export function tagsOf(text: string): string[] {
  const tags = text
    .split(/[\s,]+/)
    .map((tag) => tag.replace(/^#+/, '').toLowerCase().slice(0, tagLengthMax))
    .filter((tag) => tag !== '');
  return [...new Set(tags)].slice(0, tagsMax);
}
