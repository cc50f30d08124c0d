/** Where each reply is kept in the query cache. */
export const keys = {
  sessions: ['sessions'],
  wallet: ['wallet'],
  transfers: ['transfers'],
  packs: ['packs'],
  order: (id: string) => ['order', id],
  models: ['models'],
  generations: ['generations'],
  generation: (id: string) => ['generation', id],
  latestWorks: ['works', 'latest'],
  work: (id: string) => ['work', id],
} as const;
