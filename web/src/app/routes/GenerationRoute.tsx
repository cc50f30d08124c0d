import { Player } from '../../features/player/Player';
import { GenerationPage } from '../../features/create/GenerationPage';

export function GenerationRoute() {
  return <GenerationPage Player={Player} />;
}
