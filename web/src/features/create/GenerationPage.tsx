import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ComponentType } from 'react';
import { Link, useParams } from 'react-router';
import { cancelGeneration, fetchGeneration } from '../../api/calls';
import { isOver } from '../../api/events/changes';
import { useLive } from '../../api/events/live';
import { dimensionsOf, playbackOf } from '../../api/generations';
import { keys } from '../../api/keys';
import { Problem, wordsFor } from '../../api/problem';
import type { Generation, Playback } from '../../api/types';
import { Button, ButtonLink } from '../../ui/Button';
import { classes } from '../../ui/classes';
import { Dialog } from '../../ui/Dialog';
import { amount } from '../../ui/format';
import { Blank, Notice } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import { Slip } from '../../ui/Slip';
import { failureWords } from './failures';
import { FilmStrip } from './FilmStrip';
import styles from './GenerationPage.module.css';
import { exposureOf, headline, pollMs, stampOf, stepsOf } from './progress';
import { PublishForm } from './PublishForm';
import { Viewfinder } from './Viewfinder';

type PlayerSlot = { Player: ComponentType<{ playback: Playback; title: string }> };

export function GenerationPage({ Player }: PlayerSlot) {
  const { id = '' } = useParams();
  const live = useLive();
  const generation = useQuery({
    queryKey: keys.generation(id),
    queryFn: ({ signal }) => fetchGeneration(id, signal),
    refetchInterval: (query) => pollMs(query.state.data, live),
  });

  if (generation.isPending) {
    return (
      <div className={styles.generation} role="status" aria-label="Loading the clip">
        <Skeleton ratio="16 / 9" />
        <Skeleton height="20rem" />
      </div>
    );
  }
  // A poll that failed once leaves the last known state on the page.
  if (!generation.data) {
    const gone = generation.error instanceof Problem && generation.error.status === 404;
    return (
      <Blank
        level="h1"
        title={gone ? 'No such clip of yours' : 'The clip did not load'}
        action={
          gone ? (
            <ButtonLink to="/generations" look="primary">
              My clips
            </ButtonLink>
          ) : (
            <Button look="primary" onClick={() => void generation.refetch()}>
              Try again
            </Button>
          )
        }
      >
        {gone ? 'It belongs to someone else, or it never existed.' : wordsFor(generation.error)}
      </Blank>
    );
  }
  return <Making generation={generation.data} Player={Player} />;
}

function Making({ generation, Player }: { generation: Generation } & PlayerSlot) {
  const playback = playbackOf(generation);
  const over = isOver(generation.status);
  const exposure = exposureOf(generation);
  return (
    <div className={styles.generation}>
      <PageTitle text={headline(generation)} />
      <div className={styles.stage}>
        {playback ? (
          <Player key={generation.status === 'ready' ? 'whole' : 'early'} playback={playback} title={generation.prompt} />
        ) : (
          <Viewfinder prompt={generation.prompt} {...dimensionsOf(generation.size)} exposure={exposure} moving={!over}>
            <div className={styles['over-stage']}>{over ? <Ending generation={generation} /> : generation.status !== 'queued' && <p className={styles.percent}>{Math.round(exposure * 100)}</p>}</div>
          </Viewfinder>
        )}
        {!over && <FilmStrip share={exposure} label="How far the clip is" />}
        {!over && playback && <p className={styles.early}>A first cut. The full picture is still being made.</p>}
      </div>

      <div className={styles.side}>
        <header className={styles.head}>
          <h1 aria-live="polite">{headline(generation)}</h1>
          <blockquote>{generation.prompt}</blockquote>
          <p className={styles.settings}>
            {generation.model} · {generation.seconds} s · {generation.size.replace('x', '×')}
          </p>
        </header>
        {!over && <Steps generation={generation} />}
        {generation.status === 'ready' && !generation.workId && <PublishForm generation={generation} />}
        {generation.workId && (
          <div className={styles.published}>
            <Notice tone="good">This clip is published.</Notice>
            <ButtonLink to={`/w/${generation.workId}`} look="primary" iconAfter="arrow">
              See it
            </ButtonLink>
          </div>
        )}
        <ReceiptSlip generation={generation} />
        {!over && <Cancel generation={generation} />}
      </div>
    </div>
  );
}

function Steps({ generation }: { generation: Generation }) {
  return (
    <ol className={styles.steps}>
      {stepsOf(generation).map((step) => (
        <li key={step.name} className={classes(styles[step.state])} aria-current={step.state === 'now' ? 'step' : undefined}>
          <i aria-hidden="true" />
          <span>{step.name}</span>
          {step.note && <span className={styles.note}>{step.note}</span>}
        </li>
      ))}
    </ol>
  );
}

function Ending({ generation }: { generation: Generation }) {
  const again = `/create?prompt=${encodeURIComponent(generation.prompt)}`;
  if (generation.status === 'ready') {
    return (
      <div className={styles.ending}>
        <h2>Fetching the print</h2>
      </div>
    );
  }
  const failure = generation.status === 'failed' ? failureWords(generation.failure) : null;
  return (
    <div className={styles.ending}>
      <h2>{failure?.title ?? 'You called this one off'}</h2>
      <p>{failure?.text ?? 'Nothing was made.'}</p>
      {generation.receipt.captured === 0 && <p className={styles.free}>You were not charged.</p>}
      <ButtonLink to={again} look="primary" iconAfter="arrow">
        {failure?.again === 'change' ? 'Change the words' : 'Try again'}
      </ButtonLink>
    </div>
  );
}

function ReceiptSlip({ generation }: { generation: Generation }) {
  const { receipt } = generation;
  const back = receipt.released > 0 && receipt.captured === 0;
  return (
    <Slip
      title="Receipt"
      note={`No. ${generation.id}`}
      stamp={stampOf(generation)}
      lines={[
        { label: 'Quoted', value: amount(receipt.quoted) },
        { label: 'Held', value: amount(receipt.held) },
        { label: 'Given back', value: amount(receipt.released) },
        { label: 'You paid', value: `${amount(receipt.captured)} credits`, strong: true },
      ]}
    >
      {back ? 'Everything that was held is back in ' : 'Every movement is in '}
      <Link to="/wallet">your wallet</Link>.
    </Slip>
  );
}

function Cancel({ generation }: { generation: Generation }) {
  const cache = useQueryClient();
  const [asking, setAsking] = useState(false);
  const cancel = useMutation({
    mutationFn: () => cancelGeneration(generation.id),
    onSettled: async () => {
      setAsking(false);
      await cache.invalidateQueries({ queryKey: keys.generation(generation.id) });
      await cache.invalidateQueries({ queryKey: keys.wallet });
      await cache.invalidateQueries({ queryKey: keys.transfers });
    },
  });
  return (
    <>
      {cancel.isError && <Notice>{wordsFor(cancel.error)}</Notice>}
      <Button look="danger" className={styles.cancel} onClick={() => setAsking(true)}>
        Call it off
      </Button>
      <Dialog open={asking} title="Call this clip off?" onClose={() => setAsking(false)}>
        <p>The clip is dropped, and the {amount(generation.receipt.held)} credits on hold come back to you.</p>
        <div className={styles.answers}>
          <Button look="ghost" onClick={() => setAsking(false)}>
            Keep rolling
          </Button>
          <Button look="danger" busy={cancel.isPending} onClick={() => cancel.mutate()}>
            Yes, call it off
          </Button>
        </div>
      </Dialog>
    </>
  );
}
