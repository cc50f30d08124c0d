import { useEffect, useState, type RefObject } from 'react';
import type { Playback } from '../../api/types';
import { browserCan, sourcesOf } from './sources';

export type SourceState = 'loading' | 'ready' | 'failed';

/** Plays the first source that works. hls.js is fetched only when it is the one that is tried. */
export function useSource(ref: RefObject<HTMLVideoElement | null>, playback: Pick<Playback, 'hls' | 'mp4'>, attempt: number): SourceState {
  const { hls, mp4 } = playback;
  const [state, setState] = useState<SourceState>('loading');

  useEffect(() => {
    const video = ref.current;
    if (!video) return;
    const over = new AbortController();
    const { signal } = over;
    const left = sourcesOf({ hls, mp4 }, browserCan(video));
    let release: () => void = () => undefined;

    const next = () => {
      release();
      release = () => undefined;
      const source = left.shift();
      if (signal.aborted) return;
      if (!source) setState('failed');
      else if (source.kind === 'hls.js') void playWithLibrary(video, source.url, signal, next).then((end) => (release = end ?? release));
      else release = playDirectly(video, source.url, next);
    };

    setState('loading');
    video.addEventListener('loadeddata', () => setState('ready'), { signal });
    next();
    return () => {
      over.abort();
      release();
      video.removeAttribute('src');
      video.load();
    };
  }, [ref, hls, mp4, attempt]);

  return state;
}

function playDirectly(video: HTMLVideoElement, url: string, failed: () => void): () => void {
  const onError = () => failed();
  video.addEventListener('error', onError, { once: true });
  video.src = url;
  return () => video.removeEventListener('error', onError);
}

/** Answers how to end it, or null when it never began. */
async function playWithLibrary(video: HTMLVideoElement, url: string, signal: AbortSignal, failed: () => void): Promise<(() => void) | null> {
  try {
    const { default: Hls } = await import('hls.js/light');
    if (signal.aborted) return null;
    if (!Hls.isSupported()) throw new Error('no usable Media Source Extensions');
    const player = new Hls({ capLevelToPlayerSize: true, maxBufferLength: 30 });
    let recovered = false;
    player.on(Hls.Events.ERROR, (_, problem) => {
      if (!problem.fatal) return;
      if (problem.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered) {
        recovered = true;
        player.recoverMediaError();
      } else {
        failed();
      }
    });
    player.loadSource(url);
    player.attachMedia(video);
    return () => player.destroy();
  } catch {
    // The chunk did not come, or the browser is too old for it: the next source may do.
    if (!signal.aborted) failed();
    return null;
  }
}
