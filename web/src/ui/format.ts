/* How numbers, money and time read. One language for now: the browser's own number and date customs. */

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1, roundingMode: 'trunc' }); // 999,996 is not a million yet

export function count(value: number): string {
  return value < 10_000 ? whole.format(value) : compact.format(value);
}

export function amount(value: number): string {
  return whole.format(value);
}

/** `+500`, `−40`: a ledger's signs, with a real minus. */
export function signed(value: number): string {
  return value > 0 ? `+${whole.format(value)}` : value < 0 ? `−${whole.format(-value)}` : '0';
}

/** Minor units, as many as the currency has: 499 USD is $4.99, 499 JPY is ¥499. */
export function money(value: { amount: number; currency: string }): string {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency: value.currency });
  return format.format(value.amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** A clip's length as a timecode: 0:04. */
export function timecode(seconds: number): string {
  const all = Math.max(0, Math.round(seconds));
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, '0')}`;
}

/** A wait, in words that do not promise more than they know. */
export function wait(seconds: number): string {
  if (seconds < 5) return 'a few seconds';
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s`;
  const minutes = Math.round(seconds / 60);
  return minutes <= 1 ? 'about a minute' : `about ${minutes} minutes`;
}

const steps: readonly [limitSeconds: number, unitSeconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [3600, 60, 'minute'],
  [86_400, 3600, 'hour'],
  [604_800, 86_400, 'day'],
];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const day = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function ago(time: string, now: number): string {
  const then = Date.parse(time);
  if (Number.isNaN(then)) return '';
  const seconds = (now - then) / 1000;
  if (seconds < 60) return 'just now';
  for (const [limit, unitSeconds, unit] of steps) {
    if (seconds < limit) return relative.format(-Math.floor(seconds / unitSeconds), unit);
  }
  return day.format(then);
}

export function dateTime(time: string): string {
  const then = Date.parse(time);
  return Number.isNaN(then) ? '' : moment.format(then);
}
