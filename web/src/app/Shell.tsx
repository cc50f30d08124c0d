import { Suspense, useEffect, useRef } from 'react';
import { Link, NavLink, Outlet, useLocation } from 'react-router';
import { useSession, useWallet } from '../api/hooks';
import { ButtonLink } from '../ui/Button';
import { count } from '../ui/format';
import { Icon, type IconName } from '../ui/Icon';
import { Mark } from '../ui/Mark';
import { AccountMenu } from './AccountMenu';
import { ErrorBoundary } from './ErrorBoundary';
import { PageWait } from './PageWait';
import styles from './Shell.module.css';

const places: readonly { to: string; label: string; icon: IconName }[] = [
  { to: '/', label: 'Feed', icon: 'feed' },
  { to: '/create', label: 'Create', icon: 'spark' },
  { to: '/generations', label: 'My clips', icon: 'clips' },
  { to: '/wallet', label: 'Wallet', icon: 'wallet' },
];

export function Shell() {
  const { status } = useSession();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    // A new page starts at its top, and a screen reader at its beginning.
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main" onClick={() => main.current?.focus()}>
        Skip to the page
      </a>
      <header className={styles.bar}>
        <Link to="/" className={styles.brand} aria-label="SkyRiff, to the feed">
          <Mark />
          <span>SkyRiff</span>
        </Link>
        <nav className={styles.top} aria-label="Main">
          {(status === 'signedOut' ? places.slice(0, 2) : places).map((place) => (
            <NavLink key={place.to} to={place.to} end={place.to === '/'}>
              {place.label}
            </NavLink>
          ))}
        </nav>
        <div className={styles.account}>
          {status === 'signedIn' && (
            <>
              <Balance />
              <AccountMenu />
            </>
          )}
          {status === 'signedOut' && (
            <>
              <Link to="/login" className={styles['sign-in']}>
                Sign in
              </Link>
              <ButtonLink to="/register" look="primary" className={styles.join}>
                Join free
              </ButtonLink>
            </>
          )}
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        <ErrorBoundary key={pathname}>
          <Suspense fallback={<PageWait />}>
            <Outlet />
          </Suspense>
        </ErrorBoundary>
      </main>
      <nav className={styles.bottom} aria-label="Main, at the bottom">
        {places.map((place) => (
          <NavLink key={place.to} to={place.to} end={place.to === '/'}>
            <Icon name={place.icon} size="1.4rem" />
            <span>{place.label}</span>
          </NavLink>
        ))}
      </nav>
    </div>
  );
}

function Balance() {
  const wallet = useWallet();
  if (!wallet.data) return null;
  return (
    <Link to="/wallet" className={styles.balance} aria-label={`${wallet.data.credits} credits, to the wallet`}>
      <i aria-hidden="true" />
      <span>{count(wallet.data.credits)}</span>
      <span className={styles.unit}>credits</span>
    </Link>
  );
}
