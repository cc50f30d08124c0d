import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import { keys } from './keys';
import type { Liking, Page, Work } from './types';

/** As if the like had been given, or taken back, already. */
export function turned(work: Work, liked: boolean): Work {
  if ((work.viewer?.liked ?? false) === liked) return work;
  return withLiking(work, { liked, likes: Math.max(0, work.counts.likes + (liked ? 1 : -1)) });
}

export function withLiking(work: Work, { liked, likes }: Liking): Work {
  return { ...work, counts: { ...work.counts, likes }, viewer: { ...work.viewer, liked } };
}

/** Changes a work wherever it is kept: its own page, and every list. */
export function patchWork(cache: QueryClient, id: string, change: (work: Work) => Work): void {
  cache.setQueryData<Work>(keys.work(id), (work) => work && change(work));
  cache.setQueriesData<InfiniteData<Page<Work>>>({ queryKey: keys.works }, (lists) => {
    if (!lists?.pages.some((page) => page.items.some((work) => work.id === id))) return lists;
    return { ...lists, pages: lists.pages.map((page) => ({ ...page, items: page.items.map((work) => (work.id === id ? change(work) : work)) })) };
  });
}

/** After signing in: what was fetched by nobody does not know what its viewer likes. */
export function refetchWhatNobodyFetched(cache: QueryClient): void {
  void cache.invalidateQueries({ queryKey: keys.works, predicate: ({ state }) => (state.data as InfiniteData<Page<Work>> | undefined)?.pages.some((page) => page.items.some(isNobodys)) ?? false });
  void cache.invalidateQueries({ queryKey: keys.anyWork, predicate: ({ state }) => state.data !== undefined && isNobodys(state.data as Work) });
}

const isNobodys = (work: Work) => (work.viewer ?? null) === null;
