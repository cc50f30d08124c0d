import { hashOf } from '../../ui/hash';

export type Palette = readonly [sky: string, light: string, ground: string];

export type Mood = { name: string; hint: string; words: RegExp; palette: Palette };

/** Styles that the built-in studio listens for, each with the words that wake it and the light it has. */
export const moods: readonly Mood[] = [
  { name: 'Sea', hint: 'rolling sea waves', words: /\b(sea|seas|ocean|wave|waves|water|beach|coast|lighthouse|ship|tide)\b/i, palette: ['oklch(0.42 0.09 245)', 'oklch(0.82 0.09 205)', 'oklch(0.3 0.07 225)'] },
  { name: 'Fire', hint: 'glowing fire and embers', words: /\b(fire|flame|flames|ember|embers|lava|volcano|burning|candle)\b/i, palette: ['oklch(0.3 0.1 25)', 'oklch(0.82 0.17 68)', 'oklch(0.5 0.2 35)'] },
  { name: 'City', hint: 'a city skyline at night', words: /\b(city|street|skyline|tower|traffic|skyscraper|downtown|subway)\b/i, palette: ['oklch(0.28 0.06 275)', 'oklch(0.8 0.13 75)', 'oklch(0.42 0.12 320)'] },
  { name: 'Space', hint: 'deep space, stars drifting', words: /\b(space|star|stars|galaxy|planet|moon|cosmos|nebula|orbit)\b/i, palette: ['oklch(0.2 0.07 285)', 'oklch(0.75 0.13 310)', 'oklch(0.35 0.12 260)'] },
  { name: 'Forest', hint: 'a misty forest', words: /\b(forest|tree|trees|woods|jungle|moss|leaf|leaves|fern)\b/i, palette: ['oklch(0.35 0.06 160)', 'oklch(0.85 0.12 125)', 'oklch(0.28 0.07 145)'] },
  { name: 'Desert', hint: 'desert dunes, long shadows', words: /\b(desert|dune|dunes|sand|canyon|mesa)\b/i, palette: ['oklch(0.6 0.1 50)', 'oklch(0.88 0.1 80)', 'oklch(0.48 0.11 45)'] },
  { name: 'Snow', hint: 'falling snow', words: /\b(snow|ice|winter|glacier|frost|arctic|blizzard)\b/i, palette: ['oklch(0.55 0.05 240)', 'oklch(0.96 0.02 220)', 'oklch(0.7 0.05 230)'] },
  { name: 'Storm', hint: 'a thunderstorm rolling in', words: /\b(storm|stormy|thunder|thunderstorm|lightning|rain|hurricane)\b/i, palette: ['oklch(0.27 0.04 265)', 'oklch(0.85 0.06 255)', 'oklch(0.36 0.06 240)'] },
  { name: 'Sunrise', hint: 'a slow sunrise', words: /\b(sunrise|sunset|dawn|dusk|sun|morning|evening)\b/i, palette: ['oklch(0.45 0.12 330)', 'oklch(0.86 0.14 75)', 'oklch(0.62 0.18 40)'] },
  { name: 'Neon', hint: 'neon lights, wet asphalt', words: /\b(neon|cyberpunk|arcade|synthwave|hologram)\b/i, palette: ['oklch(0.3 0.14 310)', 'oklch(0.82 0.17 340)', 'oklch(0.65 0.15 210)'] },
];

export const examples: readonly string[] = [
  'A lighthouse in a storm, seen from a small boat, waves breaking over the lens',
  'Embers rising from a campfire into a sky full of stars',
  'A night train crossing a city of neon, rain on the window',
  'Morning mist moving through a pine forest, sunbeams, slow dolly forward',
  'A red kite over desert dunes at sunset, long shadows',
];

/** Before there are words: dusk. */
const dusk: Palette = ['oklch(0.3 0.06 285)', 'oklch(0.78 0.13 55)', 'oklch(0.3 0.07 320)'];

/** The light that a prompt asks for: the first mood it names, or one that belongs to its words. */
export function paletteOf(prompt: string): Palette {
  if (prompt.trim() === '') return dusk;
  const named = moods
    .map((mood) => ({ mood, at: prompt.search(mood.words) }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at)[0];
  if (named) return named.mood.palette;
  const hue = hashOf(prompt.trim().toLowerCase()) % 360;
  return [`oklch(0.34 0.07 ${hue})`, `oklch(0.8 0.11 ${(hue + 50) % 360})`, `oklch(0.4 0.1 ${(hue + 330) % 360})`];
}

/** Adds a mood to the end of a prompt, as a person would: after a comma. */
export function withHint(prompt: string, hint: string): string {
  const text = prompt.trimEnd().replace(/[,;.]+$/, '');
  return text === '' ? hint.charAt(0).toUpperCase() + hint.slice(1) : `${text}, ${hint}`;
}

export function hasHint(prompt: string, hint: string): boolean {
  return prompt.toLowerCase().includes(hint.toLowerCase());
}

export function withoutHint(prompt: string, hint: string): string {
  const at = prompt.toLowerCase().indexOf(hint.toLowerCase());
  if (at < 0) return prompt;
  const before = prompt.slice(0, at).replace(/,\s*$/, '');
  const after = prompt.slice(at + hint.length);
  return before === '' ? after.replace(/^,\s*/, '') : before + after;
}
