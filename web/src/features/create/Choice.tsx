import { useId, type ReactNode } from 'react';
import styles from './Choice.module.css';

/** One of a few: radio buttons that look like the keys of a camera. */
export function Choice<T extends string | number>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly { value: T; label: string; note?: string; picture?: ReactNode }[];
  value: T | null;
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset className={styles.choice}>
      <legend className="slate">{label}</legend>
      <div className={styles.options}>
        {options.map((option) => (
          <label key={option.value} className={styles.option}>
            <input type="radio" className="visually-hidden" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
            {option.picture}
            <span>{option.label}</span>
            {option.note && <small>{option.note}</small>}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** A frame in its proportions. */
export function AspectPicture({ width, height }: { width: number; height: number }) {
  const longest = 22;
  const scale = longest / Math.max(width, height);
  return <i className={styles.aspect} style={{ inlineSize: `${width * scale}px`, blockSize: `${height * scale}px` }} aria-hidden="true" />;
}
