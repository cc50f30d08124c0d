import { useState } from 'react';
import { useNavigate } from 'react-router';
import { Button } from '../../ui/Button';
import styles from './PromptBar.module.css';

/** One line to begin with: it goes along to the create page. */
export function PromptBar({ compact = false }: { compact?: boolean }) {
  const navigate = useNavigate();
  const [prompt, setPrompt] = useState('');
  return (
    <form
      className={compact ? styles.compact : styles.bar}
      onSubmit={(event) => {
        event.preventDefault();
        void navigate(prompt.trim() === '' ? '/create' : `/create?prompt=${encodeURIComponent(prompt.trim())}`);
      }}
    >
      <label className="visually-hidden" htmlFor="prompt-bar">
        Describe a clip
      </label>
      <input
        id="prompt-bar"
        value={prompt}
        maxLength={500}
        autoComplete="off"
        enterKeyHint="go"
        placeholder="A lighthouse in a storm, seen from the sea"
        onChange={(event) => setPrompt(event.currentTarget.value)}
      />
      <Button type="submit" look="primary" iconAfter="arrow">
        Make it
      </Button>
    </form>
  );
}
