import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, Navigate, useSearchParams } from 'react-router';
import { register } from '../../api/calls';
import { useSession } from '../../api/hooks';
import { Problem, wordsFor } from '../../api/problem';
import { Button } from '../../ui/Button';
import { PasswordField, TextField } from '../../ui/Field';
import { Notice } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { AuthFrame } from './AuthFrame';
import { nextPlace } from './next';

export function RegisterPage() {
  const { status } = useSession();
  const [search] = useSearchParams();
  const [handle, setHandle] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [asked, setAsked] = useState(false);
  const join = useMutation({ mutationFn: () => register({ handle: handle.trim(), email: email.trim(), password }) });

  // A newcomer goes where they were heading, or straight to the first clip.
  if (status === 'signedIn') return <Navigate to={search.has('next') ? nextPlace(search) : '/create'} replace />;

  const problem = join.error instanceof Problem ? join.error : null;
  // The rules for a handle, an address and a password are the server's; only emptiness is decided here.
  const errors = {
    handle: problem?.field('handle') ?? (asked && handle.trim() === '' ? 'Pick a handle.' : null),
    email: problem?.field('email') ?? (asked && email.trim() === '' ? 'Your e-mail address.' : null),
    password: problem?.field('password') ?? (asked && password === '' ? 'Choose a password.' : null),
  };
  const shown = Object.values(errors).some((error) => error !== null);
  return (
    <AuthFrame
      title="Take the camera"
      lead="Free credits are waiting in your wallet. No card needed."
      foot={
        <>
          Been here before? <Link to={`/login${search.size > 0 ? `?${search.toString()}` : ''}`}>Sign in</Link>
        </>
      }
    >
      <PageTitle text="Join" />
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(true);
          if (handle.trim() !== '' && email.trim() !== '' && password !== '' && !join.isPending) join.mutate();
        }}
      >
        {join.isError && !shown && <Notice>{wordsFor(join.error)}</Notice>}
        <TextField
          label="Handle"
          name="handle"
          hint="Your name on every clip."
          autoComplete="nickname"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          value={handle}
          error={errors.handle}
          onChange={(event) => setHandle(event.currentTarget.value)}
        />
        <TextField
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          inputMode="email"
          value={email}
          error={errors.email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordField
          label="Password"
          name="new-password"
          autoComplete="new-password"
          hint="Long beats complicated: a few words make a good one."
          value={password}
          error={errors.password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" look="primary" size="large" busy={join.isPending} iconAfter="arrow">
          Join SkyRiff
        </Button>
      </form>
    </AuthFrame>
  );
}
