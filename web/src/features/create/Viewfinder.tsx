import type { ReactNode } from 'react';
import { classes } from '../../ui/classes';
import { paletteOf } from './moods';
import styles from './Viewfinder.module.css';

/**
 * The camera's view before there is a picture: the light that the prompt asks for, in the frame that was chosen. While a clip
 * is made, `exposure` (0..1) brings it out of the dark.
 */
export function Viewfinder({
  prompt,
  width,
  height,
  exposure,
  moving = true,
  children,
}: {
  prompt: string;
  width: number;
  height: number;
  exposure: number;
  moving?: boolean;
  children?: ReactNode;
}) {
  const [sky, light, ground] = paletteOf(prompt);
  return (
    <div
      className={classes(styles.finder, moving && styles.moving)}
      style={{ '--shape': (width / height).toFixed(4), '--sky': sky, '--light': light, '--ground': ground, '--exposure': exposure.toFixed(3) }}
    >
      <div className={styles.light} aria-hidden="true" />
      <div className={styles.marks} aria-hidden="true" />
      {children}
    </div>
  );
}
