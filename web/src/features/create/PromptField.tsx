import { useId, useRef } from 'react';
import { classes } from '../../ui/classes';
import { examples, hasHint, moods, withHint, withoutHint } from './moods';
import styles from './PromptField.module.css';

export const promptLengthMax = 2_000;

/** The sentence that becomes a clip, with moods to add and examples to begin from. */
export function PromptField({ prompt, error, onChange }: { prompt: string; error: string | null; onChange: (prompt: string) => void }) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const left = promptLengthMax - prompt.length;
  const put = (text: string) => {
    onChange(text.slice(0, promptLengthMax));
    area.current?.focus();
  };

  return (
    <div className={styles.prompt}>
      <label className="slate" htmlFor={id}>
        Your scene
      </label>
      <div className={classes(styles.sheet, error !== null && styles.refused)}>
        <textarea
          ref={area}
          id={id}
          value={prompt}
          maxLength={promptLengthMax}
          rows={5}
          autoFocus
          placeholder="What do you see? A place, a light, something that moves."
          aria-invalid={error !== null || undefined}
          aria-describedby={`${id}-count${error === null ? '' : ` ${id}-error`}`}
          onChange={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
          }}
        />
        <span id={`${id}-count`} className={classes(styles.count, left < 100 && styles.near)}>
          {prompt.length}
          <span className="visually-hidden"> characters of </span>
          <span aria-hidden="true"> / </span>
          {promptLengthMax}
        </span>
      </div>
      {error !== null && (
        <p id={`${id}-error`} className={styles.error} role="alert">
          {error}
        </p>
      )}

      <div className={styles.row} role="group" aria-label="Moods to add">
        {moods.map((mood) => {
          const on = hasHint(prompt, mood.hint);
          return (
            <button
              key={mood.name}
              type="button"
              className={styles.mood}
              aria-pressed={on}
              style={{ '--one': mood.palette[0], '--two': mood.palette[1], '--three': mood.palette[2] }}
              onClick={() => put(on ? withoutHint(prompt, mood.hint) : withHint(prompt, mood.hint))}
            >
              <i aria-hidden="true" />
              {mood.name}
            </button>
          );
        })}
      </div>

      {prompt.trim() === '' && (
        <div className={styles.examples}>
          <p className="slate">Or start from one of these</p>
          <ul>
            {examples.map((example) => (
              <li key={example}>
                <button type="button" onClick={() => put(example)}>
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
