import type { Generation, Page, Wallet } from '../types';
import type { ServerEvent } from './parser';

export type Change = { kind: 'generation'; generation: Partial<Generation> & { id: string } } | { kind: 'wallet'; wallet: Wallet };

/** What an event means for what is on the page; null for what this app does not show, and for what it cannot read. */
export function changeOf(event: ServerEvent): Change | null {
  let body: unknown;
  try {
    body = JSON.parse(event.data);
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null) return null;
  if (event.name === 'generation' && 'id' in body && typeof body.id === 'string') {
    return { kind: 'generation', generation: body as Partial<Generation> & { id: string } };
  }
  if (event.name === 'wallet' && 'credits' in body && typeof body.credits === 'number') {
    return { kind: 'wallet', wallet: body as Wallet };
  }
  return null;
}

export function isOver(status: Generation['status']): boolean {
  return status === 'ready' || status === 'failed' || status === 'cancelled';
}

/**
 * The next view of a generation. Polls and events race, so an end is an end: what arrives late may fill in the receipt or the work, but never
 * reopens it. Within one status, progress does not run backwards.
 */
export function mergeGeneration(current: Generation, incoming: Partial<Generation>): Generation {
  if (isOver(current.status) && incoming.status !== undefined && incoming.status !== current.status) return current;
  const merged = { ...current, ...incoming };
  if (merged.status === current.status) merged.progress = Math.max(current.progress, merged.progress);
  return merged;
}

export function mergeIntoPages<P extends Page<Generation>>(pages: P[], incoming: Partial<Generation> & { id: string }): P[] {
  return pages.map((page) =>
    page.items.some((item) => item.id === incoming.id)
      ? { ...page, items: page.items.map((item) => (item.id === incoming.id ? mergeGeneration(item, incoming) : item)) }
      : page,
  );
}
