import { Component, type ReactNode } from 'react';
import { Button } from '../ui/Button';
import { Blank } from '../ui/Notice';

type Props = { children: ReactNode };

/** A page that fell over does not take the shell with it. Keyed by the address, so that going elsewhere starts afresh. */
export class ErrorBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Blank
        level="h1"
        title="The film tore"
        action={
          <Button look="primary" onClick={() => location.reload()}>
            Reload the page
          </Button>
        }
      >
        This page hit a fault of its own, or a new version has been put up since you opened it. Nothing you own was touched.
      </Blank>
    );
  }
}
