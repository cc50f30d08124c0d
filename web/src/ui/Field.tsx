import { useId, useState, type ComponentProps, type ReactNode } from 'react';
import { classes } from './classes';
import { Icon } from './Icon';
import styles from './Field.module.css';

type Shared = { label: string; hint?: ReactNode; error?: string | null; optional?: boolean };
type Wiring = { id: string; 'aria-invalid'?: true; 'aria-describedby'?: string };

/** Label, control, hint and error, wired together for a screen reader. */
function Frame({ label, hint, error, optional, children }: Shared & { children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const describes = [error ? `${id}-error` : '', hint ? `${id}-hint` : ''].filter(Boolean).join(' ');
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={styles.label}>
        {label}
        {optional && <span className={styles.optional}>optional</span>}
      </label>
      {children({ id, ...(error ? { 'aria-invalid': true } : {}), ...(describes ? { 'aria-describedby': describes } : {}) })}
      {error ? (
        <p id={`${id}-error`} className={styles.error} role="alert">
          {error}
        </p>
      ) : (
        hint && (
          <p id={`${id}-hint`} className={styles.hint}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

export function TextField({ label, hint, error, optional, className, ...input }: ComponentProps<'input'> & Shared) {
  return (
    <Frame label={label} hint={hint} error={error ?? null} optional={optional ?? false}>
      {(wiring) => <input type="text" {...input} {...wiring} className={classes(styles.control, className)} />}
    </Frame>
  );
}

export function TextAreaField({ label, hint, error, optional, className, ...area }: ComponentProps<'textarea'> & Shared) {
  return (
    <Frame label={label} hint={hint} error={error ?? null} optional={optional ?? false}>
      {(wiring) => <textarea rows={3} {...area} {...wiring} className={classes(styles.control, className)} />}
    </Frame>
  );
}

export function PasswordField({ label, hint, error, ...input }: Omit<ComponentProps<'input'>, 'type'> & Shared) {
  const [shown, setShown] = useState(false);
  return (
    <Frame label={label} hint={hint} error={error ?? null}>
      {(wiring) => (
        <div className={styles['with-button']}>
          <input {...input} {...wiring} type={shown ? 'text' : 'password'} className={styles.control} spellCheck={false} autoCapitalize="none" />
          <button type="button" className={styles.inside} aria-pressed={shown} onClick={() => setShown(!shown)}>
            <Icon name={shown ? 'eyeOff' : 'eye'} />
            <span className="visually-hidden">Show password</span>
          </button>
        </div>
      )}
    </Frame>
  );
}
