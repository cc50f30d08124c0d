import { ago, dateTime } from './format';
import { useNow } from './useNow';

/** How long ago, with the exact time behind it. */
export function Ago({ time }: { time: string }) {
  return (
    <time dateTime={time} title={dateTime(time)}>
      {ago(time, useNow())}
    </time>
  );
}
