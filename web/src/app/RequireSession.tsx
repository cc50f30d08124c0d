import { Navigate, Outlet, useLocation } from 'react-router';
import { useSession } from '../api/hooks';
import { PageWait } from './PageWait';

/** Pages of one's own. A visitor goes to sign in and comes back here afterwards. */
export function RequireSession() {
  const { status } = useSession();
  const location = useLocation();
  if (status === 'restoring') return <PageWait />;
  if (status === 'signedOut') {
    const next = location.pathname + location.search;
    return <Navigate to={`/login?next=${encodeURIComponent(next)}`} replace />;
  }
  return <Outlet />;
}
