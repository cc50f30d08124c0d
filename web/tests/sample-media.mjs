// Makes a few clips with ffmpeg for the screenshots: mp4, HLS (fMP4), poster and preview strip, as the server packages them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const looks = [
  { colors: ['0x0b1d3a', '0xf7a53c', '0x7a2f4d'], size: [1280, 720] },
  { colors: ['0x04202c', '0x2fb5c7', '0xe8f6ef'], size: [1280, 720] },
  { colors: ['0x120421', '0xff4f9a', '0x26c6ff'], size: [720, 1280] },
  { colors: ['0x1c0903', '0xff6a21', '0xffd27a'], size: [1280, 720] },
  { colors: ['0x07140c', '0x6fae5a', '0xdcedb0'], size: [1280, 720] },
  { colors: ['0x090a18', '0x6d5bd0', '0xf0c8ff'], size: [1024, 1024] },
  { colors: ['0x2a1a12', '0xd9a066', '0xf5e3c8'], size: [1280, 720] },
  { colors: ['0x0d1524', '0x8ea9c8', '0xffffff'], size: [720, 1280] },
];

function ffmpeg(...args) {
  execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...args]);
}

/** Fills `folder` (once) and answers what is in it. */
export function sampleMedia(folder) {
  return looks.map(({ colors: [c0, c1, c2], size: [width, height] }, index) => {
    const name = `clip${index}`;
    const place = join(folder, name);
    if (!existsSync(join(place, 'preview.webp'))) {
      mkdirSync(place, { recursive: true });
      const source = `gradients=s=${width / 2}x${height / 2}:c0=${c0}:c1=${c1}:c2=${c2}:n=3:seed=${index + 3}:speed=0.03:d=4:r=24,format=yuv420p,scale=${width}:${height}`;
      ffmpeg('-f', 'lavfi', '-i', source, '-f', 'lavfi', '-i', 'sine=frequency=220:duration=4', '-shortest', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '24', '-c:a', 'aac', '-movflags', '+faststart', join(place, 'clip.mp4'));
      ffmpeg('-i', join(place, 'clip.mp4'), '-c', 'copy', '-f', 'hls', '-hls_time', '1', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4', join(place, 'clip.m3u8'));
      ffmpeg('-ss', '1', '-i', join(place, 'clip.mp4'), '-frames:v', '1', join(place, 'poster.webp'));
      ffmpeg('-i', join(place, 'clip.mp4'), '-vf', 'fps=2.5,scale=-2:180,tile=10x1', '-frames:v', '1', join(place, 'preview.webp'));
    }
    const at = `/media/${name}`;
    return { hls: `${at}/clip.m3u8`, mp4: `${at}/clip.mp4`, poster: `${at}/poster.webp`, preview: `${at}/preview.webp`, durationSeconds: 4, width, height };
  });
}
