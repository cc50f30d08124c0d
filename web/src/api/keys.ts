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
  /** Every list of works. */
  works: ['works'],
  latestWorks: ['works', 'latest'],
  anyWork: ['work'],
  work: (id: string) => ['work', id],
  like: (id: string) => ['like', id],
} as const;
