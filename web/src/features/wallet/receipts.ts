import type { Transfer } from '../../api/types';

export type Movement = 'grant' | 'purchase' | 'hold' | 'capture' | 'release' | 'refund' | 'other';

/** One thing that happened, with its ledger entries: a clip's hold and what became of it, or a single grant or purchase. */
export type ReceiptGroup = {
  id: string;
  title: string;
  generationId: string | null;
  stamp: { text: string; tone: 'good' | 'bad' | 'plain' } | null;
  lines: { label: string; value: number; signed: boolean }[];
  balanceAfter: number | null;
  time: string;
};

const kinds: readonly (readonly [RegExp, Movement])[] = [
  [/grant|starter|welcome|bonus/, 'grant'],
  [/refund/, 'refund'],
  [/purchase|order|top.?up|pack/, 'purchase'],
  [/release/, 'release'],
  [/capture/, 'capture'],
  [/hold/, 'hold'],
];

/** What a ledger kind means, whatever separators it is spelled with. */
export function movementOf(kind: string): Movement {
  return kinds.find(([match]) => match.test(kind.toLowerCase()))?.[1] ?? 'other';
}

const words: Record<Movement, string> = {
  grant: 'Starter credits',
  purchase: 'Credits bought',
  hold: 'Set aside for the clip',
  capture: 'Paid for the clip',
  release: 'Given back, not charged',
  refund: 'Refunded',
  other: 'Movement',
};

export function movementWords(kind: string): string {
  const movement = movementOf(kind);
  return movement === 'other' ? sentence(kind) : words[movement];
}

/** Newest first, as the ledger gives them; entries about one generation come together under its newest. */
export function groupReceipts(transfers: readonly Transfer[]): ReceiptGroup[] {
  const groups = new Map<string, Transfer[]>();
  for (const transfer of transfers) {
    const key = generationIdOf(transfer) ?? `transfer ${transfer.id}`;
    groups.set(key, [...(groups.get(key) ?? []), transfer]);
  }
  return [...groups.values()].flatMap(toGroup);
}

function toGroup(transfers: Transfer[]): ReceiptGroup[] {
  const newest = transfers[0];
  if (!newest) return [];
  const generationId = generationIdOf(newest);
  return [
    {
      id: newest.id,
      title: generationId === null ? movementWords(newest.kind) : 'A clip',
      generationId,
      stamp: stampOf(transfers.map((transfer) => movementOf(transfer.kind))),
      lines: linesOf([...transfers].reverse()),
      balanceAfter: transfers.find((transfer) => transfer.account !== 'held')?.balanceAfter ?? null,
      time: newest.createdAt,
    },
  ];
}

/**
 * What moved, oldest first, as the owner sees it. Setting aside is told once, from the side of the credits; a capture takes what was set aside, so
 * the credits do not move again and the line says how much it was.
 */
function linesOf(transfers: readonly Transfer[]): ReceiptGroup['lines'] {
  const seen = transfers.filter(({ kind, account }) => account !== 'held' || movementOf(kind) === 'capture');
  const held = seen.find(({ kind }) => movementOf(kind) === 'hold')?.amount ?? 0;
  return seen.map(({ kind, amount }) =>
    movementOf(kind) === 'capture'
      ? { label: movementWords(kind), value: Math.abs(amount === 0 ? held : amount), signed: false }
      : { label: movementWords(kind), value: amount, signed: true },
  );
}

function stampOf(movements: readonly Movement[]): ReceiptGroup['stamp'] {
  if (movements.includes('capture')) return { text: 'Paid', tone: 'good' };
  if (movements.includes('release')) return { text: 'Not charged', tone: 'plain' };
  if (movements.includes('hold')) return { text: 'On hold', tone: 'plain' };
  if (movements.includes('refund')) return { text: 'Refunded', tone: 'plain' };
  return null;
}

/** A hold, capture or release refers to its generation: the id, by itself or after a prefix such as `generation:`. */
function generationIdOf(transfer: Transfer): string | null {
  const movement = movementOf(transfer.kind);
  if (movement !== 'hold' && movement !== 'capture' && movement !== 'release') return null;
  return /(\d+)$/.exec(transfer.reference ?? '')?.[1] ?? null;
}

function sentence(kind: string): string {
  const text = kind.replace(/[._-]+/g, ' ').trim();
  return text === '' ? words.other : text.charAt(0).toUpperCase() + text.slice(1);
}
