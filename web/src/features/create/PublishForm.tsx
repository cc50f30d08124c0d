import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { publishWork } from '../../api/calls';
import { mergeGeneration } from '../../api/events/changes';
import { keys } from '../../api/keys';
import { Problem, wordsFor } from '../../api/problem';
import { Submission } from '../../api/submission';
import type { Generation, PublishRequest, Visibility } from '../../api/types';
import { Button } from '../../ui/Button';
import { TextAreaField, TextField } from '../../ui/Field';
import { Notice } from '../../ui/Notice';
import { Choice } from './Choice';
import styles from './PublishForm.module.css';
import { tagsOf } from './tags';

const visibilities: readonly { value: Visibility; label: string }[] = [
  { value: 'public', label: 'Public' },
  { value: 'unlisted', label: 'Link only' },
  { value: 'private', label: 'Only me' },
];

export function PublishForm({ generation }: { generation: Generation }) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const submission = useRef(new Submission());
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [tags, setTags] = useState('');
  const [visibility, setVisibility] = useState<Visibility>('public');
  const [asked, setAsked] = useState(false);

  const publish = useMutation({
    mutationFn: () => {
      const list = tagsOf(tags);
      const body: PublishRequest = {
        generationId: generation.id,
        title: title.trim(),
        visibility,
        ...(description.trim() === '' ? {} : { description: description.trim() }),
        ...(list.length === 0 ? {} : { tags: list }),
      };
      return submission.current.send(body, (key) => publishWork(key, body));
    },
    onSuccess: (work) => {
      cache.setQueryData(keys.work(work.id), work);
      cache.setQueryData<Generation>(keys.generation(generation.id), (current) => current && mergeGeneration(current, { workId: work.id }));
      void cache.invalidateQueries({ queryKey: keys.latestWorks });
      void cache.invalidateQueries({ queryKey: keys.generations });
      return navigate(`/w/${work.id}`);
    },
  });
  const problem = publish.error instanceof Problem ? publish.error : null;
  const titleError = problem?.field('title') ?? (asked && title.trim() === '' ? 'Give it a title.' : null);
  const descriptionError = problem?.field('description') ?? null;
  const tagsError = problem?.field('tags') ?? problem?.field('tags/0') ?? null;

  return (
    <form
      className={styles.publish}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setAsked(true);
        if (title.trim() !== '' && !publish.isPending) publish.mutate();
      }}
    >
      <h2>Put it on the screen</h2>
      <TextField label="Title" value={title} maxLength={120} autoComplete="off" error={titleError} onChange={(event) => setTitle(event.currentTarget.value)} />
      <TextAreaField
        label="Description"
        optional
        value={description}
        maxLength={2000}
        error={descriptionError}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <TextField
        label="Tags"
        optional
        value={tags}
        placeholder="storm, sea, night"
        autoComplete="off"
        autoCapitalize="none"
        error={tagsError}
        onChange={(event) => setTags(event.currentTarget.value)}
      />
      <Choice label="Who can see it" value={visibility} options={visibilities} onChange={setVisibility} />
      {publish.isError && titleError === null && descriptionError === null && tagsError === null && <Notice>{wordsFor(publish.error)}</Notice>}
      <Button type="submit" look="primary" size="large" busy={publish.isPending} iconAfter="arrow">
        {visibility === 'private' ? 'Keep it' : 'Publish'}
      </Button>
    </form>
  );
}
