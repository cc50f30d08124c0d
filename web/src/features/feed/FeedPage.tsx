import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useRef } from 'react';
import { fetchLatestWorks } from '../../api/calls';
import { useSession } from '../../api/hooks';
import { keys } from '../../api/keys';
import { wordsFor } from '../../api/problem';
import type { Work } from '../../api/types';
import { Button, ButtonLink } from '../../ui/Button';
import { Blank } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import styles from './FeedPage.module.css';
import { PromptBar } from './PromptBar';
import { WorkCard } from './WorkCard';

export function FeedPage() {
  const { status } = useSession();
  const feed = useInfiniteQuery({
    queryKey: keys.latestWorks,
    queryFn: ({ pageParam, signal }) => fetchLatestWorks(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
  // A clip that is published while someone scrolls moves the rest down: the same one may come twice.
  const works = [...new Map((feed.data?.pages ?? []).flatMap((page) => page.items).map((work) => [work.id, work])).values()];

  return (
    <div className={styles.feed}>
      <PageTitle text="Say it. See it." />
      {status !== 'signedIn' ? <Hero glow={works[0]?.playback.poster ?? null} /> : <PromptBar compact />}

      <div className={styles.head}>
        <h2 className="slate">Latest clips</h2>
      </div>

      {feed.isPending && (
        <div className={styles.wall} role="status" aria-label="Loading clips">
          {Array.from({ length: 9 }, (_, index) => (
            <div key={index} className={styles[index === 0 ? 'wait-large' : 'wait']}>
              <Skeleton height="100%" />
            </div>
          ))}
        </div>
      )}

      {feed.isError && works.length === 0 && (
        <Blank title="The feed did not load" action={<Button look="primary" onClick={() => void feed.refetch()}>Try again</Button>}>
          {wordsFor(feed.error)}
        </Blank>
      )}

      {feed.isSuccess && works.length === 0 && (
        <Blank
          title="The screen is still dark"
          action={
            <ButtonLink to="/create" look="primary" iconAfter="arrow">
              Make the first clip
            </ButtonLink>
          }
        >
          Nobody has published a clip here yet. Yours would be the first that everyone sees.
        </Blank>
      )}

      {works.length > 0 && (
        <>
          <div className={styles.wall}>
            {works.map((work, index) => (
              <WorkCard key={work.id} work={work} size={sizeOf(work, index, feed.hasNextPage ? Infinity : works.length)} eager={index < 7} />
            ))}
          </div>
          <More
            available={feed.hasNextPage}
            loading={feed.isFetchingNextPage}
            error={feed.isFetchNextPageError ? wordsFor(feed.error) : null}
            load={() => void feed.fetchNextPage()}
          />
        </>
      )}
    </div>
  );
}

const clipsAroundLarge = 4;

/** Every tenth clip gets the big place, unless too few follow to fill the wall around it; upright clips stand over two rows. */
function sizeOf(work: Work, index: number, end: number): 'wide' | 'large' | 'tall' {
  if (work.playback.height > work.playback.width) return 'tall';
  return index % 10 === 0 && (index === 0 || index + clipsAroundLarge < end) ? 'large' : 'wide';
}

function Hero({ glow }: { glow: string | null }) {
  return (
    <section className={styles.hero}>
      {glow && <img className={styles.glow} src={glow} alt="" aria-hidden="true" />}
      <div className={styles.pitch}>
        <h1>
          Say it. <em>See it.</em>
        </h1>
        <p>
          Write one sentence and watch it become a clip, frame by frame. You start with free credits, and you never pay for a clip that
          did not work out.
        </p>
        <PromptBar />
      </div>
    </section>
  );
}

/** Loads by itself when the end comes near; the button is for keyboards, for screen readers, and for after a failure. */
function More({ available, loading, error, load }: { available: boolean; loading: boolean; error: string | null; load: () => void }) {
  const end = useRef<HTMLDivElement>(null);
  const onNear = useEffectEvent(() => {
    if (available && !loading && error === null) load();
  });
  useEffect(() => {
    const element = end.current;
    if (!element || !('IntersectionObserver' in window)) return;
    const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && onNear(), { rootMargin: '600px' });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [available, loading]);

  return (
    <div ref={end} className={styles.more}>
      {error !== null && <p role="alert">{error}</p>}
      {available ? (
        <Button look="ghost" busy={loading} onClick={load}>
          {loading ? 'Loading' : error === null ? 'Load more' : 'Try again'}
        </Button>
      ) : (
        <p className="slate">That is every clip so far</p>
      )}
    </div>
  );
}
