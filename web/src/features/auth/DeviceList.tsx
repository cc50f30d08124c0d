import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { fetchSessions, logout, revokeSession } from '../../api/calls';
import { keys } from '../../api/keys';
import { Problem, wordsFor } from '../../api/problem';
import type { DeviceSession } from '../../api/types';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Notice } from '../../ui/Notice';
import { Skeleton } from '../../ui/Skeleton';
import { deviceName } from './deviceName';
import styles from './SettingsPage.module.css';

export function DeviceList() {
  const cache = useQueryClient();
  const sessions = useQuery({ queryKey: keys.sessions, queryFn: ({ signal }) => fetchSessions(signal) });
  const revoke = useMutation({
    mutationFn: async (device: DeviceSession) => {
      if (device.current) return logout();
      try {
        await revokeSession(device.id);
      } catch (error) {
        // Already gone: that is what was asked for.
        if (!(error instanceof Problem && error.status === 404)) throw error;
      }
    },
    onSettled: (_, __, device) => (device.current ? undefined : cache.invalidateQueries({ queryKey: keys.sessions })),
  });
  const devices = [...(sessions.data?.items ?? [])].sort((one, other) => Number(other.current) - Number(one.current));

  return (
    <section className={styles.section}>
      <div>
        <h2>Devices</h2>
        <p>Where you are signed in. Sign out what you do not know.</p>
      </div>
      {sessions.isPending && <Skeleton height="8rem" />}
      {sessions.isError && <Notice>{wordsFor(sessions.error)}</Notice>}
      {revoke.isError && <Notice>{wordsFor(revoke.error)}</Notice>}
      <ul className={styles.devices}>
        {devices.map((device) => (
          <li key={device.id}>
            <Icon name="device" size="1.6rem" />
            <div>
              <strong>{deviceName(device.device)}</strong>
              <small>
                {device.current ? <span className={styles.here}>This device</span> : <>Active <Ago time={device.lastSeenAt} /></>}
                {' · '}signed in <Ago time={device.createdAt} />
              </small>
            </div>
            <Button
              look={device.current ? 'ghost' : 'danger'}
              busy={revoke.isPending && revoke.variables.id === device.id}
              aria-label={`Sign out ${deviceName(device.device)}`}
              onClick={() => revoke.mutate(device)}
            >
              Sign out
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
