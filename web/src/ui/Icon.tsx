const shapes = {
  feed: 'M4 5h16v14H4zM4 9h16M8 5v4M12 5v4M16 5v4',
  create: 'M12 4v16M4 12h16',
  clips: 'M3 7h13v10H3zM16 11l5-3v8l-5-3z',
  wallet: 'M4 7h16v12H4zM4 7l11-3v3M16 13h.01',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c1-4 4-5.5 8-5.5s7 1.5 8 5.5',
  play: 'M7 4.5v15l12.5-7.5z',
  pause: 'M8 5v14M16 5v14',
  sound: 'M4 10v4h3.5l5 4V6l-5 4zM16 9a4.2 4.2 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11',
  muted: 'M4 10v4h3.5l5 4V6l-5 4zM16.5 9.5l5 5M21.5 9.5l-5 5',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  unfull: 'M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5',
  link: 'M10 14a4 4 0 0 0 5.7 0l3.5-3.5a4 4 0 0 0-5.7-5.700L12.5 6M14 10a4 4 0 0 0-5.7 0l-3.5 3.5a4 4 0 0 0 5.7 5.700l1-1.2',
  check: 'M4.5 12.5l5 5 10-11',
  close: 'M6 6l12 12M18 6L6 18',
  arrow: 'M5 12h14M13 6l6 6-6 6',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  eyeOff: 'M4 4l16 16M9.5 6a9 9 0 0 1 2.5-.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.8 3.5M6 7.5A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9 9 0 0 0 4-1M10 10a2.5 2.5 0 0 0 3.7 3.7',
  heart: 'M12 20S4 15 4 9.200A4.2 4.2 0 0 1 12 7.5a4.2 4.2 0 0 1 8 1.700C20 15 12 20 12 20z',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01',
  device: 'M3 5h18v11H3zM8 20h8M12 16v4',
  spark: 'M12 3l1.8 7.200L21 12l-7.2 1.800L12 21l-1.8-7.200L3 12l7.2-1.800z',
  alert: 'M12 4l9 16H3zM12 10v5M12 17.5v.01',
  out: 'M14 4h6v16h-6M4 12h11M11 8l4 4-4 4',
} as const;

export type IconName = keyof typeof shapes;

/** Drawn with the text: it takes the text's colour and size, and says nothing to a screen reader. */
export function Icon({ name, size = '1.25em', filled = false }: { name: IconName; size?: string; filled?: boolean }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill={filled ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={shapes[name]} />
    </svg>
  );
}
