import type { Generation, Model, Playback } from './types';

/* The one place that knows how the server spells what may still move: prices and capabilities, and what can be played early. */

export type Capability = {
  id: string;
  name: string;
  provider: string;
  description: string | null;
  seconds: readonly number[];
  sizes: readonly string[];
  creditsPerSecond: number | null;
  takesReference: boolean;
};

export function capabilityOf(model: Model): Capability {
  return {
    id: model.id,
    name: model.name || model.id,
    provider: model.provider,
    description: model.description ?? null,
    seconds: model.seconds,
    sizes: model.sizes,
    creditsPerSecond: typeof model.creditsPerSecond === 'number' ? model.creditsPerSecond : null,
    takesReference: model.supportsInputReference,
  };
}

export function dimensionsOf(size: string): { width: number; height: number } {
  const [width, height] = size.split('x').map(Number);
  return width && height ? { width, height } : { width: 16, height: 9 };
}

/** What of a generation can be played now, if anything: a failed or cancelled one has nothing, whatever was made before. */
export function playbackOf(generation: Generation): Playback | null {
  const preview: unknown = generation.preview;
  if (generation.status === 'failed' || generation.status === 'cancelled' || !preview) return null;
  const found = typeof preview === 'string' ? { hls: preview } : (preview as Partial<Playback>);
  const hls = found.hls ?? null;
  const mp4 = found.mp4 ?? null;
  if (hls === null && mp4 === null) return null;
  return { hls, mp4, poster: found.poster ?? null, preview: found.preview ?? null, durationSeconds: generation.seconds, ...dimensionsOf(generation.size) };
}
