export type Command =
  | { do: 'toggle' }
  | { do: 'seek'; by: number }
  | { do: 'volume'; by: number }
  | { do: 'mute' }
  | { do: 'fullscreen' }
  | { do: 'to'; share: number };

const seekSeconds = 2;

const commands: Readonly<Record<string, Command>> = {
  ' ': { do: 'toggle' },
  k: { do: 'toggle' },
  ArrowLeft: { do: 'seek', by: -seekSeconds },
  ArrowRight: { do: 'seek', by: seekSeconds },
  ArrowUp: { do: 'volume', by: 0.1 },
  ArrowDown: { do: 'volume', by: -0.1 },
  m: { do: 'mute' },
  f: { do: 'fullscreen' },
  Home: { do: 'to', share: 0 },
  End: { do: 'to', share: 1 },
};

/** Keys that the page itself needs: taken only while the player has the focus. */
const pageKeys = new Set(['ArrowUp', 'ArrowDown', 'Home', 'End']);

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>;

/** What a key means to the player, given where the focus is; null leaves it to the page. */
export function commandFor(event: Key, focus: { inPlayer: boolean; typing: boolean; onControl: boolean }): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || focus.typing) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // A focused button or link answers to the space bar itself.
  if (key === ' ' && focus.onControl) return null;
  if (pageKeys.has(key) && !focus.inPlayer) return null;
  return commands[key] ?? null;
}

export function focusOf(target: EventTarget | null, player: HTMLElement): { inPlayer: boolean; typing: boolean; onControl: boolean } {
  const element = target instanceof HTMLElement ? target : null;
  return {
    inPlayer: element !== null && player.contains(element),
    typing: element?.closest('input, textarea, select, [contenteditable="true"], dialog') != null,
    onControl: element?.closest('button, a, summary') != null,
  };
}
