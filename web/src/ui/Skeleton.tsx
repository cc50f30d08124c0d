import type { CSSProperties } from 'react';
import styles from './Skeleton.module.css';

/** The place of something that is on its way. */
export function Skeleton({ ratio, height, width }: { ratio?: string; height?: string; width?: string }) {
  const style: CSSProperties = { aspectRatio: ratio, blockSize: height, inlineSize: width };
  return <span className={styles.skeleton} style={style} aria-hidden="true" />;
}
