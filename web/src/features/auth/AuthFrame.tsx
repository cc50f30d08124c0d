import type { ReactNode } from 'react';
import styles from './AuthFrame.module.css';

/** One form in a lit doorway. */
export function AuthFrame({ title, lead, children, foot }: { title: string; lead: string; children: ReactNode; foot: ReactNode }) {
  return (
    <div className={styles.frame}>
      <div className={styles.scene} aria-hidden="true">
        <i />
      </div>
      <section className={styles.panel}>
        <header>
          <h1>{title}</h1>
          <p>{lead}</p>
        </header>
        {children}
        <p className={styles.foot}>{foot}</p>
      </section>
    </div>
  );
}
