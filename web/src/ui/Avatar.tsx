import { hashOf } from './hash';
import styles from './Avatar.module.css';

export function Avatar({ name, image, size = '2.25rem' }: { name: string; image?: string | null; size?: string }) {
  return (
    <span className={styles.avatar} style={{ inlineSize: size, '--hue': String(hashOf(name) % 360) }} aria-hidden="true">
      {image ? <img src={image} alt="" loading="lazy" /> : name.slice(0, 1)}
    </span>
  );
}
