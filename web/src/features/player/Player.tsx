import { useEffect, useEffectEvent, useRef, useState } from 'react';
import type { Playback } from '../../api/types';
import { Button } from '../../ui/Button';
import { classes } from '../../ui/classes';
import { timecode } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { commandFor, focusOf, type Command } from './keyboard';
import styles from './Player.module.css';
import { useSource } from './useSource';

const hideControlsMs = 2_200;

/** A clip with its controls. Clips are short: they loop, and start by themselves, muted, where motion is welcome. */
export function Player({ playback, title }: { playback: Playback; title: string }) {
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [attempt, setAttempt] = useState(0);
  const source = useSource(video, playback, attempt);
  const [playing, setPlaying] = useState(false);
  const [muted, setMuted] = useState(true);
  const [time, setTime] = useState(0);
  const [duration, setDuration] = useState(playback.durationSeconds);
  const [fullscreen, setFullscreen] = useState(false);
  const [awake, setAwake] = useState(true);

  const run = (command: Command) => {
    const element = video.current;
    if (!element) return;
    if (command.do === 'toggle') toggle(element);
    else if (command.do === 'seek') element.currentTime = clamp(element.currentTime + command.by, 0, duration);
    else if (command.do === 'to') element.currentTime = clamp(command.share * duration, 0, Math.max(0, duration - 0.05));
    else if (command.do === 'mute') element.muted = !element.muted;
    else if (command.do === 'volume') {
      element.volume = clamp(element.volume + command.by, 0, 1);
      element.muted = element.volume === 0;
    } else void toggleFullscreen(frame.current, element);
    setAwake(true);
  };
  const runKey = useEffectEvent(run);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const command = frame.current && commandFor(event, focusOf(event.target, frame.current));
      if (!command) return;
      event.preventDefault();
      runKey(command);
    };
    const onFullscreen = () => setFullscreen(document.fullscreenElement === frame.current);
    document.addEventListener('keydown', onKey);
    document.addEventListener('fullscreenchange', onFullscreen);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('fullscreenchange', onFullscreen);
    };
  }, []);

  useEffect(() => {
    if (!awake || !playing) return;
    const timer = setTimeout(() => setAwake(false), hideControlsMs);
    return () => clearTimeout(timer);
  }, [awake, playing, time]);

  useEffect(() => {
    if (source === 'ready' && !matchMedia('(prefers-reduced-motion: reduce)').matches) {
      // A browser may refuse to start by itself; then the big button is there.
      video.current?.play().catch(() => undefined);
    }
  }, [source]);

  return (
    <div
      ref={frame}
      className={classes(styles.player, (awake || !playing) && styles.awake)}
      style={{ '--shape': (playback.width / playback.height).toFixed(4) }}
      onPointerMove={() => setAwake(true)}
      onFocus={() => setAwake(true)}
      role="group"
      aria-label={`Player: ${title}`}
    >
      <video
        ref={video}
        poster={playback.poster ?? undefined}
        playsInline
        loop
        muted
        preload="auto"
        tabIndex={-1}
        onClick={(event) => toggle(event.currentTarget)}
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onTimeUpdate={(event) => setTime(event.currentTarget.currentTime)}
        onDurationChange={(event) => {
          if (Number.isFinite(event.currentTarget.duration)) setDuration(event.currentTarget.duration);
        }}
        onVolumeChange={(event) => setMuted(event.currentTarget.muted)}
      />
      {source === 'loading' && <span className={styles.waiting} role="status" aria-label="Loading the clip" />}
      {source === 'failed' && (
        <div className={styles.failed} role="alert">
          <p>This clip did not load.</p>
          <Button look="primary" onClick={() => setAttempt(attempt + 1)}>
            Try again
          </Button>
        </div>
      )}
      {source === 'ready' && !playing && (
        <button type="button" className={styles.big} aria-label="Play" onClick={() => run({ do: 'toggle' })}>
          <Icon name="play" size="2rem" filled />
        </button>
      )}
      {source !== 'failed' && (
        <div className={styles.controls}>
          <button type="button" aria-label={playing ? 'Pause' : 'Play'} onClick={() => run({ do: 'toggle' })}>
            <Icon name={playing ? 'pause' : 'play'} filled={!playing} />
          </button>
          <input
            type="range"
            className={styles.scrub}
            aria-label="Position"
            aria-valuetext={`${timecode(time)} of ${timecode(duration)}`}
            min={0}
            max={duration || 1}
            step={0.05}
            value={Math.min(time, duration)}
            style={{ '--done': `${(100 * Math.min(time, duration)) / (duration || 1)}%` }}
            onChange={(event) => {
              if (video.current) video.current.currentTime = event.currentTarget.valueAsNumber;
            }}
          />
          <span className={styles.time}>
            {timecode(time)} / {timecode(duration)}
          </span>
          <button type="button" aria-label={muted ? 'Sound on' : 'Mute'} onClick={() => run({ do: 'mute' })}>
            <Icon name={muted ? 'muted' : 'sound'} />
          </button>
          <button type="button" aria-label={fullscreen ? 'Leave full screen' : 'Full screen'} onClick={() => run({ do: 'fullscreen' })}>
            <Icon name={fullscreen ? 'unfull' : 'full'} />
          </button>
        </div>
      )}
    </div>
  );
}

function toggle(video: HTMLVideoElement): void {
  if (video.paused) video.play().catch(() => undefined);
  else video.pause();
}

async function toggleFullscreen(frame: HTMLElement | null, video: HTMLVideoElement): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (frame && 'requestFullscreen' in frame) await frame.requestFullscreen();
    // An iPhone can show only the video itself.
    else (video as HTMLVideoElement & { webkitEnterFullscreen?: () => void }).webkitEnterFullscreen?.();
  } catch {
    // Refused by the browser or its owner's settings; the clip stays where it is.
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
