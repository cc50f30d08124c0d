import { QueryClient } from '@tanstack/react-query';
import { Unreachable } from './problem';

/**
 * A refusal or a server fault is never repeated here: retries belong to the inner layers, and repeating at each layer multiplies load.
 * Only a reply that never came is asked for once more.
 */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (failures, error) => error instanceof Unreachable && failures < 1,
        staleTime: 15_000,
        refetchOnWindowFocus: true,
      },
      mutations: { retry: false },
    },
  });
}
