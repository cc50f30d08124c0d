import type { ReactNode } from 'react';
import { classes } from './classes';
import styles from './Slip.module.css';

export type SlipLine = { label: string; value: string; strong?: boolean };

/** A paper receipt: what it was for, its lines, and the stamp that says how it ended. */
export function Slip({
  title,
  note,
  lines,
  stamp,
  children,
}: {
  title: ReactNode;
  note?: ReactNode;
  lines: readonly SlipLine[];
  stamp?: { text: string; tone: 'good' | 'bad' | 'plain' } | null;
  children?: ReactNode;
}) {
  return (
    <section className={styles.slip}>
      <header>
        <h3>{title}</h3>
        {note && <p>{note}</p>}
      </header>
      <dl>
        {lines.map((line) => (
          <div key={line.label} className={classes(styles.line, line.strong && styles.strong)}>
            <dt>{line.label}</dt>
            <dd>{line.value}</dd>
          </div>
        ))}
      </dl>
      {children && <div className={styles.foot}>{children}</div>}
      {stamp && <span className={classes(styles.stamp, styles[stamp.tone])}>{stamp.text}</span>}
    </section>
  );
}
