import type { ReactNode } from 'react';
import { classes } from './classes';
import { Icon } from './Icon';
import styles from './Notice.module.css';

/** A line that interrupts: what went wrong, or what just went right. */
export function Notice({ tone = 'bad', children }: { tone?: 'bad' | 'good' | 'plain'; children: ReactNode }) {
  return (
    <div className={classes(styles.notice, styles[tone])} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={tone === 'bad' ? 'alert' : tone === 'good' ? 'check' : 'spark'} />
      <div>{children}</div>
    </div>
  );
}

/** A whole page or panel with nothing to show, and the way on. */
export function Blank({ title, children, action, level = 'h2' }: { title: string; children?: ReactNode; action?: ReactNode; level?: 'h1' | 'h2' }) {
  const Heading = level;
  return (
    <div className={styles.blank}>
      <span className={styles.frame} aria-hidden="true" />
      <Heading>{title}</Heading>
      {children && <p>{children}</p>}
      {action && <div className={styles.action}>{action}</div>}
    </div>
  );
}
