import { useState } from 'react';
import { useLocation } from 'react-router';
import { useSession } from '../../api/hooks';
import { wordsFor } from '../../api/problem';
import type { Work } from '../../api/types';
import { Button, ButtonLink } from '../../ui/Button';
import { classes } from '../../ui/classes';
import { Dialog } from '../../ui/Dialog';
import { count } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import styles from './LikeButton.module.css';
import { useLike } from './useLike';

/** A heart with its count; whoever is not signed in is asked to be, and comes back to this page. */
export function LikeButton({ work, place }: { work: Work; place: 'card' | 'page' }) {
  const { status } = useSession();
  const like = useLike(work.id);
  const [asking, setAsking] = useState(false);
  const liked = work.viewer?.liked ?? false;
  const { likes } = work.counts;

  return (
    <div className={classes(styles.like, styles[place])}>
      <button
        type="button"
        className={styles.heart}
        aria-pressed={liked}
        aria-label={`Like ${work.title}, ${likes} ${likes === 1 ? 'like' : 'likes'}`}
        onClick={() => (status === 'signedIn' ? like.mutate(!liked) : setAsking(true))}
      >
        <Icon name="heart" size="1.375rem" filled={liked} />
        {(likes > 0 || place === 'page') && <span>{count(likes)}</span>}
      </button>
      {like.isError && (
        <span role="alert" className={styles.oops}>
          {wordsFor(like.error)}
        </span>
      )}
      {asking && <Invitation title={work.title} onClose={() => setAsking(false)} />}
    </div>
  );
}

function Invitation({ title, onClose }: { title: string; onClose: () => void }) {
  const { pathname, search } = useLocation();
  const next = `?next=${encodeURIComponent(pathname + search)}`;
  return (
    <Dialog open title="Like this clip?" onClose={onClose}>
      <p>Join SkyRiff or sign in, and “{title}” gets your like. You come back to this page.</p>
      <div className={styles.ways}>
        <ButtonLink to={`/register${next}`} look="primary">
          Join free
        </ButtonLink>
        <ButtonLink to={`/login${next}`}>Sign in</ButtonLink>
        <Button look="ghost" onClick={onClose}>
          Not now
        </Button>
      </div>
    </Dialog>
  );
}
