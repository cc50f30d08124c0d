import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ComponentType } from 'react';
import { useParams } from 'react-router';
import { fetchWork } from '../../api/calls';
import { keys } from '../../api/keys';
import { Problem, wordsFor } from '../../api/problem';
import type { Playback, Work } from '../../api/types';
import { Ago } from '../../ui/Ago';
import { Avatar } from '../../ui/Avatar';
import { Button, ButtonLink } from '../../ui/Button';
import { amount } from '../../ui/format';
import { Blank } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import { LikeButton } from './LikeButton';
import styles from './WorkPage.module.css';

type PlayerSlot = { Player: ComponentType<{ playback: Playback; title: string }> };

export function WorkPage({ Player }: PlayerSlot) {
  const { id = '' } = useParams();
  const work = useQuery({ queryKey: keys.work(id), queryFn: ({ signal }) => fetchWork(id, signal) });

  if (work.isPending) {
    return (
      <div className={styles.work} role="status" aria-label="Loading the clip">
        <Skeleton ratio="16 / 9" />
        <div className={styles.wait}>
          <Skeleton height="2.75rem" width="60%" />
          <Skeleton height="1.25rem" width="35%" />
        </div>
      </div>
    );
  }
  if (work.isError) {
    const gone = work.error instanceof Problem && work.error.status === 404;
    return (
      <Blank
        level="h1"
        title={gone ? 'This clip is not here' : 'The clip did not load'}
        action={
          gone ? (
            <ButtonLink to="/" look="primary" iconAfter="arrow">
              To the feed
            </ButtonLink>
          ) : (
            <Button look="primary" onClick={() => void work.refetch()}>
              Try again
            </Button>
          )
        }
      >
        {gone ? 'It was taken down, or its author keeps it private.' : wordsFor(work.error)}
      </Blank>
    );
  }
  return <Screen work={work.data} Player={Player} />;
}

function Screen({ work, Player }: { work: Work } & PlayerSlot) {
  const { author, counts, playback } = work;
  const tags = work.tags ?? [];
  return (
    <article className={styles.work}>
      <PageTitle text={work.title} />
      {playback.poster && <img className={styles.glow} src={playback.poster} alt="" aria-hidden="true" />}
      <Player playback={playback} title={work.title} />
      <div className={styles.credits}>
        <header>
          <h1>{work.title}</h1>
          <div className={styles.author}>
            <Avatar name={author.handle} image={author.avatar ?? null} size="2.5rem" />
            <div>
              <strong>{author.displayName ?? author.handle}</strong>
              <span>
                @{author.handle} · <Ago time={work.createdAt} />
              </span>
            </div>
          </div>
          {work.description && <p className={styles.description}>{work.description}</p>}
          {tags.length > 0 && (
            <ul className={styles.tags} aria-label="Tags">
              {tags.map((tag) => (
                <li key={tag}>#{tag}</li>
              ))}
            </ul>
          )}
        </header>
        <aside className={styles.side}>
          {counts.views + counts.comments > 0 && (
            <dl className={styles.counts}>
              <Count label={counts.views === 1 ? 'view' : 'views'} value={counts.views} />
              <Count label={counts.comments === 1 ? 'comment' : 'comments'} value={counts.comments} />
            </dl>
          )}
          <div className={styles.actions}>
            <LikeButton work={work} place="page" />
            <ShareLink />
          </div>
          <p className={styles.keys}>
            <kbd>K</kbd> play <kbd>M</kbd> sound <kbd>F</kbd> full screen <kbd>←</kbd>
            <kbd>→</kbd> seek
          </p>
        </aside>
      </div>
    </article>
  );
}

function Count({ label, value }: { label: string; value: number }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{amount(value)}</dd>
    </div>
  );
}

const copiedMs = 2_500;

function ShareLink() {
  const [state, setState] = useState<'idle' | 'copied' | 'shown'>('idle');
  const address = location.origin + location.pathname;
  useEffect(() => {
    if (state !== 'copied') return;
    const timer = setTimeout(() => setState('idle'), copiedMs);
    return () => clearTimeout(timer);
  }, [state]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address);
      setState('copied');
    } catch {
      // No clipboard on plain http, or not allowed: show the address to be copied by hand.
      setState('shown');
    }
  };
  return (
    <div className={styles.share}>
      <Button look="quiet" icon={state === 'copied' ? 'check' : 'link'} onClick={() => void copy()}>
        {state === 'copied' ? 'Link copied' : 'Copy link'}
      </Button>
      <span className="visually-hidden" role="status">
        {state === 'copied' ? 'Link copied' : ''}
      </span>
      {state === 'shown' && <input readOnly value={address} aria-label="Link to this clip" onFocus={(event) => event.currentTarget.select()} />}
    </div>
  );
}
