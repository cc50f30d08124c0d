import { useRef, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { logout } from '../api/calls';
import { useSession } from '../api/hooks';
import { Avatar } from '../ui/Avatar';
import { Icon } from '../ui/Icon';
import styles from './AccountMenu.module.css';

/** The browser's own popover: Escape and a click elsewhere close it. */
export function AccountMenu() {
  const { user } = useSession();
  const navigate = useNavigate();
  const menu = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  if (!user) return null;

  const close = () => menu.current?.hidePopover();
  const signOut = async () => {
    close();
    await navigate('/');
    // Told or not, this browser has forgotten the session.
    await logout().catch(() => undefined);
  };

  return (
    <div className={styles.account}>
      <button type="button" className={styles.opener} popoverTarget="account-menu" aria-expanded={open} aria-label={`Account of ${user.handle}`}>
        <Avatar name={user.handle} image={user.avatar ?? null} />
      </button>
      <div ref={menu} id="account-menu" popover="auto" className={styles.menu} onToggle={(event) => setOpen(event.newState === 'open')}>
        <p>
          <strong>{user.displayName ?? user.handle}</strong>
          <span>@{user.handle}</span>
        </p>
        <Link to="/settings/sessions" onClick={close}>
          <Icon name="user" /> Profile and devices
        </Link>
        <button type="button" onClick={() => void signOut()}>
          <Icon name="out" /> Sign out
        </button>
      </div>
    </div>
  );
}
