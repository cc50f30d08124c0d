import { useEffect, useId, useRef, useState } from 'react';
import { Icon } from '../../ui/Icon';
import { referenceAccept, refusalOf } from './referenceImage';
import styles from './ReferenceField.module.css';

/** An image that becomes the first frame. */
export function ReferenceField({ file, onChange, error }: { file: File | null; onChange: (file: File | null) => void; error: string | null }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const picture = useRef<HTMLImageElement>(null);

  useEffect(() => {
    if (!file || !picture.current) return;
    const url = URL.createObjectURL(file);
    picture.current.src = url;
    return () => URL.revokeObjectURL(url);
  }, [file]);

  const take = (chosen: File | undefined) => {
    if (!chosen) return;
    const reason = refusalOf(chosen);
    setRefusal(reason);
    if (reason === null) onChange(chosen);
  };
  const words = refusal ?? error;

  return (
    <div className={styles.reference}>
      <span className="slate" id={`${id}-label`}>
        First frame <small>optional</small>
      </span>
      {file ? (
        <div className={styles.chosen}>
          <img ref={picture} alt="Your first frame" />
          <span>{file.name}</span>
          <button
            type="button"
            aria-label="Remove the image"
            onClick={() => {
              onChange(null);
              if (input.current) input.current.value = '';
            }}
          >
            <Icon name="close" />
          </button>
        </div>
      ) : (
        <label
          className={styles.drop}
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            event.preventDefault();
            take(event.dataTransfer.files[0]);
          }}
        >
          <Icon name="image" />
          <span>Start from an image: choose or drop one</span>
          <input
            ref={input}
            type="file"
            accept={referenceAccept}
            className="visually-hidden"
            aria-labelledby={`${id}-label`}
            aria-describedby={words === null ? undefined : `${id}-error`}
            onChange={(event) => take(event.currentTarget.files?.[0])}
          />
        </label>
      )}
      {words !== null && (
        <p id={`${id}-error`} className={styles.error} role="alert">
          {words}
        </p>
      )}
    </div>
  );
}
