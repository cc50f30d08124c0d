import { Skeleton } from '../ui/Skeleton';

/** Shown while a page's code or the session is on its way. */
export function PageWait() {
  return (
    <div className="page" role="status" aria-label="Loading">
      <div style={{ display: 'grid', gap: '1.5rem' }}>
        <Skeleton height="3rem" width="min(22rem, 70%)" />
        <Skeleton height="22rem" />
      </div>
    </div>
  );
}
