import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { changeProfile } from '../../api/calls';
import { Problem, wordsFor } from '../../api/problem';
import type { Me } from '../../api/types';
import { Button } from '../../ui/Button';
import { TextAreaField, TextField } from '../../ui/Field';
import { Notice } from '../../ui/Notice';
import styles from './SettingsPage.module.css';

export function ProfileForm({ user }: { user: Me }) {
  const [displayName, setDisplayName] = useState(user.displayName ?? '');
  const [bio, setBio] = useState(user.bio ?? '');
  const save = useMutation({ mutationFn: () => changeProfile({ displayName: displayName.trim(), bio: bio.trim() }) });
  const problem = save.error instanceof Problem ? save.error : null;
  const errors = { displayName: problem?.field('displayName') ?? null, bio: problem?.field('bio') ?? null };

  return (
    <section className={styles.section}>
      <h2>Profile</h2>
      <form
        className={styles.section}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!save.isPending) save.mutate();
        }}
      >
        <TextField
          label="Name"
          autoComplete="name"
          value={displayName}
          maxLength={80}
          hint="Shown instead of your handle."
          error={errors.displayName}
          onChange={(event) => setDisplayName(event.currentTarget.value)}
        />
        <TextAreaField
          label="About you"
          optional
          value={bio}
          maxLength={500}
          rows={4}
          error={errors.bio}
          onChange={(event) => setBio(event.currentTarget.value)}
        />
        {save.isError && errors.displayName === null && errors.bio === null && <Notice>{wordsFor(save.error)}</Notice>}
        {save.isSuccess && <Notice tone="good">Saved.</Notice>}
        <Button type="submit" look="primary" className={styles.save} busy={save.isPending}>
          Save
        </Button>
      </form>
    </section>
  );
}
