import { useSession } from '../../api/hooks';
import { PageTitle } from '../../ui/PageTitle';
import { DeviceList } from './DeviceList';
import { ProfileForm } from './ProfileForm';
import styles from './SettingsPage.module.css';

export function SettingsPage() {
  const { user } = useSession();
  if (!user) return null;
  return (
    <div className="page">
      <PageTitle text="Profile and devices" />
      <header className="page-head">
        <div>
          <h1>{user.displayName ?? user.handle}</h1>
          <p>
            @{user.handle} · {user.email}
          </p>
        </div>
      </header>
      <div className={styles.columns}>
        <ProfileForm key={user.id} user={user} />
        <DeviceList />
      </div>
    </div>
  );
}
