import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { fetchGenerations } from '../../api/calls';
import { isOver } from '../../api/events/changes';
import { useLive } from '../../api/events/live';
import { dimensionsOf, playbackOf } from '../../api/generations';
import { keys } from '../../api/keys';
import { wordsFor } from '../../api/problem';
import type { Generation } from '../../api/types';
import { Ago } from '../../ui/Ago';
import { Button, ButtonLink } from '../../ui/Button';
import { classes } from '../../ui/classes';
import { amount, timecode } from '../../ui/format';
import { Blank } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import { failureWords } from './failures';
import styles from './GenerationsPage.module.css';
import { exposureOf, headline } from './progress';
import { Viewfinder } from './Viewfinder';

export function GenerationsPage() {
  const live = useLive();
  const list = useInfiniteQuery({
    queryKey: keys.generations,
    queryFn: ({ pageParam, signal }) => fetchGenerations(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: (query) => {
      const moving = query.state.data?.pages.some((page) => page.items.some((item) => !isOver(item.status))) ?? false;
      return moving ? (live ? 30_000 : 4_000) : false;
    },
  });
  const generations = list.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <div className="page">
      <PageTitle text="My clips" />
      <header className="page-head">
        <h1>My clips</h1>
        <ButtonLink to="/create" look="primary" icon="create">
          New clip
        </ButtonLink>
      </header>
      {list.isPending && (
        <ul className={styles.list} role="status" aria-label="Loading your clips">
          {Array.from({ length: 6 }, (_, index) => (
            <li key={index}>
              <Skeleton ratio="16 / 9" />
            </li>
          ))}
        </ul>
      )}
      {list.isError && generations.length === 0 && (
        <Blank title="Your clips did not load" action={<Button look="primary" onClick={() => void list.refetch()}>Try again</Button>}>
          {wordsFor(list.error)}
        </Blank>
      )}
      {list.isSuccess && generations.length === 0 && (
        <Blank
          title="Nothing shot yet"
          action={
            <ButtonLink to="/create" look="primary" iconAfter="arrow">
              Make your first clip
            </ButtonLink>
          }
        >
          Your starter credits are in the wallet. One sentence is enough to begin.
        </Blank>
      )}
      {generations.length > 0 && (
        <ul className={styles.list}>
          {generations.map((generation) => (
            <li key={generation.id}>
              <Card generation={generation} />
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <div className={styles.more}>
          <Button look="ghost" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Load more
          </Button>
        </div>
      )}
    </div>
  );
}

function Card({ generation }: { generation: Generation }) {
  const poster = playbackOf(generation)?.poster ?? null;
  const over = isOver(generation.status);
  const exposure = over && generation.status !== 'ready' ? 0.1 : exposureOf(generation);
  return (
    <Link to={`/g/${generation.id}`} className={styles.card}>
      <div className={styles.picture}>
        {poster ? (
          <img src={poster} alt="" loading="lazy" {...dimensionsOf(generation.size)} />
        ) : (
          <Viewfinder prompt={generation.prompt} width={16} height={9} exposure={exposure} moving={!over} />
        )}
        <span className={styles.length}>{timecode(generation.seconds)}</span>
        {!over && <span className={styles.bar} style={{ '--share': `${exposure * 100}%` }} />}
      </div>
      <p className={styles.prompt}>{generation.prompt}</p>
      <p className={styles.facts}>
        <span className={classes(styles.status, styles[generation.status])}>{statusWords(generation)}</span>
        <span>{generation.receipt.captured > 0 ? `${amount(generation.receipt.captured)} credits` : over ? 'not charged' : `${amount(generation.receipt.held)} on hold`}</span>
        <Ago time={generation.createdAt} />
      </p>
    </Link>
  );
}

function statusWords(generation: Generation): string {
  if (generation.status === 'ready') return generation.workId ? 'Published' : 'Ready';
  if (generation.status === 'failed') return failureWords(generation.failure).title;
  return headline(generation);
}
