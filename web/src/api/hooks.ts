import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { fetchWallet } from './calls';
import { session } from './client';
import { keys } from './keys';
import type { SessionState } from './session';
import type { Wallet } from './types';

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.state);
}

/** The wallet of whoever is signed in; idle when nobody is. */
export function useWallet(): UseQueryResult<Wallet> {
  const { status } = useSession();
  return useQuery({ queryKey: keys.wallet, queryFn: ({ signal }) => fetchWallet(signal), enabled: status === 'signedIn' });
}
