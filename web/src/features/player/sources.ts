import type { Playback } from '../../api/types';

export type Source = { kind: 'native-hls' | 'hls.js' | 'mp4'; url: string };

/**
 * The ways to play a clip, best first; the player goes down the list as they fail. A browser that plays HLS itself needs no library; one
 * without Media Source Extensions cannot run it.
 */
export function sourcesOf(playback: Pick<Playback, 'hls' | 'mp4'>, can: { nativeHls: boolean; mediaSource: boolean }): Source[] {
  const sources: Source[] = [];
  if (playback.hls && can.nativeHls) sources.push({ kind: 'native-hls', url: playback.hls });
  if (playback.hls && can.mediaSource) sources.push({ kind: 'hls.js', url: playback.hls });
  if (playback.mp4) sources.push({ kind: 'mp4', url: playback.mp4 });
  return sources;
}

export function browserCan(video: HTMLVideoElement): { nativeHls: boolean; mediaSource: boolean } {
  return {
    nativeHls: video.canPlayType('application/vnd.apple.mpegurl') !== '',
    mediaSource: 'MediaSource' in window || 'ManagedMediaSource' in window,
  };
}
