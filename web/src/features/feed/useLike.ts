import { useMutation, useQueryClient } from '@tanstack/react-query';
import { setLike } from '../../api/calls';
import { keys } from '../../api/keys';
import { patchWork, turned, withLiking } from '../../api/likes';

/**
 * The caller's like of one work. It shows at once; clicks are sent one after the other, and the answer to the last of them is what stays. When
 * that one fails, the like is again what it was before it.
 */
export function useLike(id: string) {
  const cache = useQueryClient();
  const mutationKey = keys.like(id);
  const isLast = () => cache.isMutating({ mutationKey }) === 1;
  return useMutation({
    mutationKey,
    scope: { id: mutationKey.join(' ') },
    mutationFn: (liked: boolean) => setLike(id, liked),
    onMutate: async (liked) => {
      // A reply on its way was made before the click.
      const stopped = Promise.all([cache.cancelQueries({ queryKey: keys.works }), cache.cancelQueries({ queryKey: keys.work(id) })]);
      patchWork(cache, id, (work) => turned(work, liked));
      await stopped;
    },
    onSuccess: (answer) => {
      if (isLast()) patchWork(cache, id, (work) => withLiking(work, answer));
    },
    onError: (_, liked) => {
      if (isLast()) patchWork(cache, id, (work) => turned(work, !liked));
    },
  });
}
