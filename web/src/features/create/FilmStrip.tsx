import styles from './FilmStrip.module.css';

const frames = 18;

/** Progress as film: frames that are exposed one after the other. */
export function FilmStrip({ share, label }: { share: number; label: string }) {
  return (
    <div className={styles.film} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
      {Array.from({ length: frames }, (_, index) => (
        <i key={index} style={{ '--lit': Math.min(1, Math.max(0, share * frames - index)).toFixed(2) }} />
      ))}
    </div>
  );
}
