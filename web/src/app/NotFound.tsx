import { ButtonLink } from '../ui/Button';
import { PageTitle } from '../ui/PageTitle';
import styles from './NotFound.module.css';

export function NotFound() {
  return (
    <div className={styles.missing}>
      <PageTitle text="Not found" />
      <div className={styles.leader} aria-hidden="true">
        <span>404</span>
      </div>
      <h1>This reel is missing</h1>
      <p>The page was moved, made private, or never shot. The feed still has plenty to watch.</p>
      <div className={styles.ways}>
        <ButtonLink to="/" look="primary" iconAfter="arrow">
          To the feed
        </ButtonLink>
        <ButtonLink to="/create" look="ghost">
          Make a clip
        </ButtonLink>
      </div>
    </div>
  );
}
