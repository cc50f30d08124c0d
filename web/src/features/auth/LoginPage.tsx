import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, Navigate, useSearchParams } from 'react-router';
import { login } from '../../api/calls';
import { useSession } from '../../api/hooks';
import { Problem, wordsFor } from '../../api/problem';
import { Button } from '../../ui/Button';
import { PasswordField, TextField } from '../../ui/Field';
import { Notice } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { AuthFrame } from './AuthFrame';
import { nextPlace } from './next';

export function LoginPage() {
  const { status } = useSession();
  const [search] = useSearchParams();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [asked, setAsked] = useState(false);
  const signIn = useMutation({ mutationFn: () => login({ login: name.trim(), password }) });

  if (status === 'signedIn') return <Navigate to={nextPlace(search)} replace />;

  const problem = signIn.error instanceof Problem ? signIn.error : null;
  const nameError = problem?.field('login') ?? (asked && name.trim() === '' ? 'Your handle or e-mail.' : null);
  const passwordError = problem?.field('password') ?? (asked && password === '' ? 'Your password.' : null);
  return (
    <AuthFrame
      title="Welcome back"
      lead="Sign in to make clips and see your own."
      foot={
        <>
          New here? <Link to={`/register${search.size > 0 ? `?${search.toString()}` : ''}`}>Join free</Link>
        </>
      }
    >
      <PageTitle text="Sign in" />
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(true);
          if (name.trim() !== '' && password !== '' && !signIn.isPending) signIn.mutate();
        }}
      >
        {signIn.isError && nameError === null && passwordError === null && (
          <Notice>{problem?.status === 401 ? 'That handle or e-mail and that password do not belong together.' : wordsFor(signIn.error)}</Notice>
        )}
        <TextField
          label="Handle or e-mail"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          value={name}
          error={nameError}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          error={passwordError}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" look="primary" size="large" busy={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </AuthFrame>
  );
}
