import { isOver } from '../../api/events/changes';
import type { Generation } from '../../api/types';
import { wait } from '../../ui/format';

export type StepState = 'done' | 'now' | 'later' | 'stopped';
export type Step = { name: string; state: StepState; note: string | null };

const order = ['queued', 'running', 'packaging', 'ready'] as const;

/** The four steps as they stand. A generation that ended early shows no step as under way. */
export function stepsOf(generation: Generation): Step[] {
  const at = order.findIndex((status) => status === generation.status);
  const ended = generation.status === 'failed' || generation.status === 'cancelled';
  return [
    { name: 'In line', note: queueNote(generation) },
    { name: 'Rolling', note: null },
    { name: 'Cutting', note: null },
    { name: 'Ready', note: null },
  ].map((step, index) => ({
    ...step,
    state: ended ? 'stopped' : index < at || generation.status === 'ready' ? 'done' : index === at ? 'now' : 'later',
  }));
}

function queueNote({ status, queuePosition }: Generation): string | null {
  if (status !== 'queued' || queuePosition === null) return null;
  return queuePosition <= 1 ? 'next' : `number ${queuePosition}`;
}

/** One sentence: what is happening, and how long it may take. */
export function headline(generation: Generation): string {
  const eta = generation.etaSeconds === null ? '' : `, ${wait(generation.etaSeconds)} to go`;
  switch (generation.status) {
    case 'queued':
      return generation.queuePosition !== null && generation.queuePosition > 1 ? `${generation.queuePosition - 1} ahead of you${eta}` : `Up next${eta}`;
    case 'running':
      return `Rolling${eta}`;
    case 'packaging':
      return `Cutting the print${eta}`;
    case 'ready':
      return 'That’s a wrap';
    case 'failed':
      return 'Cut';
    case 'cancelled':
      return 'Called off';
  }
}

/** 0..1 over the whole way, for the film strip. */
export function exposureOf(generation: Generation): number {
  if (generation.status === 'ready') return 1;
  if (isOver(generation.status)) return 0;
  return Math.min(0.99, Math.max(0.02, generation.progress / 100));
}

/** How long until the next look: never when it is over; seldom while events flow, as a net under them. */
export function pollMs(generation: Generation | undefined, live: boolean): number | false {
  if (generation && isOver(generation.status)) return false;
  return live ? 15_000 : 1_500;
}

export type Stamp = { text: string; tone: 'good' | 'bad' | 'plain' };

/** What the receipt says in one word. Decided by the ledger's figures, not by the status. */
export function stampOf({ receipt, status }: Pick<Generation, 'receipt' | 'status'>): Stamp | null {
  if (receipt.captured > 0) return { text: 'Paid', tone: 'good' };
  if (receipt.released > 0) return { text: 'Not charged', tone: 'plain' };
  if (receipt.held > 0 && !isOver(status)) return { text: 'On hold', tone: 'plain' };
  return null;
}
