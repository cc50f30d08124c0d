import { Player } from '../../features/player/Player';
import { WorkPage } from '../../features/feed/WorkPage';

export function WorkRoute() {
  return <WorkPage Player={Player} />;
}
