/** A sun made of a riff's bars. */
export function Mark({ size = '1.75rem' }: { size?: string }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <linearGradient id="mark" gradientUnits="userSpaceOnUse" x1="0" y1="4" x2="0" y2="28">
        <stop offset="0" stopColor="#ffd27a" />
        <stop offset=".55" stopColor="#f7a53c" />
        <stop offset="1" stopColor="#e0572f" />
      </linearGradient>
      <g stroke="url(#mark)" strokeWidth="3.6" strokeLinecap="round">
        <path d="M4 14.5v3M10 9v14M16 4v24M22 11v10M28 14.5v3" />
      </g>
    </svg>
  );
}
