import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { fetchModels, requestGeneration } from '../../api/calls';
import { capabilityOf, dimensionsOf, type Capability } from '../../api/generations';
import { useWallet } from '../../api/hooks';
import { keys } from '../../api/keys';
import { Problem, wordsFor } from '../../api/problem';
import { Submission } from '../../api/submission';
import type { GenerationRequest } from '../../api/types';
import { Button, ButtonLink } from '../../ui/Button';
import { amount, timecode } from '../../ui/format';
import { Blank, Notice } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import { AspectPicture, Choice } from './Choice';
import styles from './CreatePage.module.css';
import { frameName } from './frames';
import { PromptField } from './PromptField';
import { ReferenceField } from './ReferenceField';
import { referenceOf } from './referenceImage';
import { useQuote } from './useQuote';
import { Viewfinder } from './Viewfinder';

export function CreatePage() {
  const models = useQuery({ queryKey: keys.models, queryFn: ({ signal }) => fetchModels(signal), staleTime: 300_000 });
  const capabilities = (models.data?.items ?? []).map(capabilityOf);
  return (
    <div className={styles.create}>
      <PageTitle text="Create" />
      <h1 className="visually-hidden">Make a clip</h1>
      {models.isPending && (
        <div className={styles.desk} role="status" aria-label="Loading the models">
          <Skeleton height="24rem" />
          <Skeleton height="24rem" />
        </div>
      )}
      {models.isError && (
        <Blank title="The studio did not answer" action={<Button look="primary" onClick={() => void models.refetch()}>Try again</Button>}>
          {wordsFor(models.error)}
        </Blank>
      )}
      {models.isSuccess && capabilities.length === 0 && (
        <Blank title="No camera is set up">Whoever runs this SkyRiff has not switched on any model yet.</Blank>
      )}
      {capabilities.length > 0 && <Desk models={capabilities} />}
    </div>
  );
}

function Desk({ models }: { models: readonly Capability[] }) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [search] = useSearchParams();
  const wallet = useWallet();
  const submission = useRef(new Submission());

  const [prompt, setPrompt] = useState(search.get('prompt') ?? '');
  const [asked, setAsked] = useState(false);
  const [modelId, setModelId] = useState(models[0]?.id ?? '');
  const [wantedSeconds, setSeconds] = useState<number | null>(null);
  const [wantedSize, setSize] = useState<string | null>(null);
  const [reference, setReference] = useState<File | null>(null);

  // What the chosen model can do decides; a wish that it cannot fulfil falls back to its first option.
  const model = models.find((each) => each.id === modelId) ?? models[0];
  const seconds = model?.seconds.find((each) => each === wantedSeconds) ?? model?.seconds[0] ?? null;
  const size = model?.sizes.find((each) => each === wantedSize) ?? model?.sizes[0] ?? null;
  const settings = { ...(model ? { model: model.id } : {}), ...(seconds === null ? {} : { seconds }), ...(size === null ? {} : { size }) };
  const quote = useQuote(model ? settings : null);
  const price = quote.data?.credits ?? null;
  const short = price !== null && wallet.data !== undefined && wallet.data.credits < price;
  const frame = dimensionsOf(size ?? '');

  const submit = useMutation({
    mutationFn: async () => {
      const body: GenerationRequest = {
        prompt: prompt.trim(),
        ...settings,
        ...(reference && model?.takesReference ? { inputReference: await referenceOf(reference) } : {}),
      };
      return submission.current.send(body, (key) => requestGeneration(key, body));
    },
    onSuccess: (generation) => {
      cache.setQueryData(keys.generation(generation.id), generation);
      void cache.invalidateQueries({ queryKey: keys.wallet });
      void cache.invalidateQueries({ queryKey: keys.generations });
      void cache.invalidateQueries({ queryKey: keys.transfers });
      return navigate(`/g/${generation.id}`);
    },
  });
  const problem = submit.error instanceof Problem ? submit.error : null;
  const promptError = problem?.field('prompt') ?? (asked && prompt.trim() === '' ? 'Say what should be seen.' : null);
  const referenceError = problem?.field('inputReference') ?? problem?.field('inputReference/data') ?? null;

  return (
    <form
      className={styles.desk}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setAsked(true);
        if (prompt.trim() !== '' && !submit.isPending) submit.mutate();
      }}
    >
      <div className={styles.scene}>
        <PromptField prompt={prompt} error={promptError} onChange={setPrompt} />
        {model?.takesReference && <ReferenceField file={reference} onChange={setReference} error={referenceError} />}
      </div>

      <aside className={styles.camera}>
        <div className={styles.preview}>
          <Viewfinder prompt={prompt} width={frame.width} height={frame.height} exposure={prompt.trim() === '' ? 0.25 : 0.9}>
            <span className={styles.standby}>
              <i aria-hidden="true" /> {prompt.trim() === '' ? 'Waiting for words' : 'Standing by'}
            </span>
            <span className={styles.timecode}>{timecode(seconds ?? 0)}</span>
          </Viewfinder>
        </div>
        {models.length > 1 && (
          <Choice
            label="Model"
            value={model?.id ?? null}
            options={models.map((each) => ({
              value: each.id,
              label: each.name,
              ...(each.creditsPerSecond === null ? {} : { note: `${each.creditsPerSecond}/s` }),
            }))}
            onChange={setModelId}
          />
        )}
        <Choice label="Length" value={seconds} options={(model?.seconds ?? []).map((each) => ({ value: each, label: `${each} s` }))} onChange={setSeconds} />
        <Choice
          label="Frame"
          value={size}
          options={(model?.sizes ?? []).map((each) => ({ value: each, label: frameName(each), note: each.replace('x', '×'), picture: <AspectPicture {...dimensionsOf(each)} /> }))}
          onChange={setSize}
        />
      </aside>

      <div className={styles.till}>
        {submit.isError && promptError === null && referenceError === null && <Notice>{wordsFor(submit.error)}</Notice>}
        {quote.isError && !submit.isError && <Notice>{wordsFor(quote.error)}</Notice>}
        <div className={styles.quote}>
          <p className={styles.price} aria-live="polite" data-stale={quote.isPlaceholderData || undefined}>
            <strong>{price === null ? '–' : amount(price)}</strong>
            <span>
              credits for {seconds} s
              <small>
                {wallet.data ? `You have ${amount(wallet.data.credits)}. ` : ''}
                Paid only if the clip works out.
              </small>
            </span>
          </p>
          {short ? (
            <ButtonLink to="/wallet" look="primary" size="large" icon="wallet">
              Get credits
            </ButtonLink>
          ) : (
            <Button type="submit" look="primary" size="large" busy={submit.isPending} iconAfter="arrow">
              Make the clip
            </Button>
          )}
        </div>
      </div>
    </form>
  );
}
