import { useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { http } from '../api/client';
import { changeOf, isOver, mergeGeneration, mergeIntoPages } from '../api/events/changes';
import { LiveStream } from '../api/events/live-stream';
import { setLive } from '../api/events/live';
import type { ServerEvent } from '../api/events/parser';
import { useSession } from '../api/hooks';
import { keys } from '../api/keys';
import { refetchWhatNobodyFetched } from '../api/likes';
import type { Generation, Page } from '../api/types';

/** Keeps what is on the page up to date while someone is signed in and looking; draws nothing. */
export function LiveEvents() {
  const cache = useQueryClient();
  const { user } = useSession();
  const userId = user?.id ?? null;
  const previousUser = useRef(userId);

  useEffect(() => {
    // Another person on the same page must find nothing of the one before.
    if (previousUser.current !== null && previousUser.current !== userId) void cache.resetQueries();
    if (previousUser.current === null && userId !== null) refetchWhatNobodyFetched(cache);
    previousUser.current = userId;
    if (userId === null) return;

    const stream = new LiveStream({
      open: (headers, signal) => http.stream('/events', headers, signal),
      onEvent: (event) => applyEvent(cache, event),
      onConnected: setLive,
    });
    // A hidden tab gives its connection back (browsers allow few per host) and resumes where it was.
    const follow = () => {
      if (document.visibilityState === 'visible') stream.start();
      else stream.stop();
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      stream.stop();
    };
  }, [cache, userId]);

  return null;
}

function applyEvent(cache: QueryClient, event: ServerEvent): void {
  const change = changeOf(event);
  if (change?.kind === 'wallet') {
    cache.setQueryData(keys.wallet, change.wallet);
    void cache.invalidateQueries({ queryKey: keys.transfers });
  }
  if (change?.kind !== 'generation') return;
  const incoming = change.generation;
  cache.setQueryData<Generation>(keys.generation(incoming.id), (current) => current && mergeGeneration(current, incoming));
  cache.setQueryData<InfiniteData<Page<Generation>>>(
    keys.generations,
    (current) => current && { ...current, pages: mergeIntoPages(current.pages, incoming) },
  );
  if (incoming.status && isOver(incoming.status)) {
    // The end brings what the event may not: the receipt's last line, the media, the balance.
    void cache.invalidateQueries({ queryKey: keys.generation(incoming.id) });
    void cache.invalidateQueries({ queryKey: keys.wallet });
  }
}
