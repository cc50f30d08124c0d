import { useState, type PointerEvent } from 'react';
import { Link } from 'react-router';
import type { Work } from '../../api/types';
import { classes } from '../../ui/classes';
import { timecode } from '../../ui/format';
import { LikeButton } from './LikeButton';
import { frameAt, positionOf } from './preview';
import styles from './WorkCard.module.css';

type CardSize = 'wide' | 'large' | 'tall';

/**
 * One clip on the wall. The preview strip is fetched at the first sign of interest: it plays by itself for the keyboard, and follows a
 * mouse across the card.
 */
export function WorkCard({ work, size, eager }: { work: Work; size: CardSize; eager: boolean }) {
  const { playback, author } = work;
  const [wanted, setWanted] = useState(false);
  const [loaded, setLoaded] = useState(false);
  const [frame, setFrame] = useState<number | null>(null);
  const name = author.displayName ?? author.handle;

  const follow = (event: PointerEvent<HTMLElement>) => {
    if (event.pointerType !== 'mouse') return;
    setWanted(true);
    const box = event.currentTarget.getBoundingClientRect();
    setFrame(frameAt((event.clientX - box.left) / box.width));
  };

  return (
    <article className={classes(styles.card, styles[size])}>
      <Link
        to={`/w/${work.id}`}
        className={styles.link}
        aria-label={`${work.title}, by ${name}, ${Math.round(playback.durationSeconds)} seconds`}
        onPointerEnter={follow}
        onPointerMove={follow}
        onPointerLeave={() => setFrame(null)}
        onFocus={() => setWanted(true)}
      >
        <div className={styles.picture}>
          {playback.poster && (
            <img
              src={playback.poster}
              alt=""
              width={playback.width}
              height={playback.height}
              loading={eager ? 'eager' : 'lazy'}
              fetchPriority={size === 'large' && eager ? 'high' : 'auto'}
              decoding="async"
            />
          )}
          {wanted && playback.preview && (
            <>
              {!loaded && <img className={styles.fetcher} src={playback.preview} alt="" onLoad={() => setLoaded(true)} />}
              {loaded && (
                <span
                  className={classes(styles.strip, frame !== null && styles.held)}
                  style={{
                    backgroundImage: `url(${JSON.stringify(playback.preview)})`,
                    aspectRatio: `${playback.width} / ${playback.height}`,
                    ...(frame === null ? {} : { backgroundPositionX: `${positionOf(frame)}%` }),
                  }}
                />
              )}
            </>
          )}
        </div>
        <span className={styles.length}>{timecode(playback.durationSeconds)}</span>
        <span className={styles.caption}>
          <span className={styles.title}>{work.title}</span>
          <span className={styles.author}>{name}</span>
        </span>
        {frame !== null && loaded && <span className={styles.cue} style={{ '--at': `${positionOf(frame)}%` }} aria-hidden="true" />}
      </Link>
      <LikeButton work={work} place="card" />
    </article>
  );
}
