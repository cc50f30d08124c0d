import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useParams } from 'react-router';
import { fetchOrder, payInSandbox } from '../../api/calls';
import { keys } from '../../api/keys';
import { Problem, wordsFor } from '../../api/problem';
import { Button, ButtonLink } from '../../ui/Button';
import { amount, money } from '../../ui/format';
import { Blank, Notice } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import { Slip } from '../../ui/Slip';
import styles from './SandboxCheckoutPage.module.css';

const pollMs = 700;

/** The practice provider's till. Paying has it send its signed webhook; the order turns paid when that has arrived. */
export function SandboxCheckoutPage() {
  const { orderId = '' } = useParams();
  const cache = useQueryClient();
  const pay = useMutation({ mutationFn: () => payInSandbox(orderId) });
  const waiting = pay.isSuccess;
  const order = useQuery({
    queryKey: keys.order(orderId),
    queryFn: ({ signal }) => fetchOrder(orderId, signal),
    refetchInterval: (query) => (waiting && query.state.data?.status === 'pending' ? pollMs : false),
  });
  const status = order.data?.status;

  useEffect(() => {
    if (status !== 'paid') return;
    void cache.invalidateQueries({ queryKey: keys.wallet });
    void cache.invalidateQueries({ queryKey: keys.transfers });
  }, [cache, status]);

  if (order.isPending) {
    return (
      <div className={styles.till} role="status" aria-label="Loading the order">
        <Skeleton height="18rem" />
      </div>
    );
  }
  if (!order.data) {
    const gone = order.error instanceof Problem && order.error.status === 404;
    return (
      <Blank level="h1" title={gone ? 'No such order' : 'The order did not load'} action={<ButtonLink to="/wallet">To the wallet</ButtonLink>}>
        {gone ? 'It may belong to another account.' : wordsFor(order.error)}
      </Blank>
    );
  }

  const { credits, price } = order.data;
  const settled = status !== 'pending';
  return (
    <div className={styles.till}>
      <PageTitle text="Checkout" />
      <header>
        <h1>{status === 'paid' ? 'Paid, thank you' : settled ? 'This order is closed' : 'Checkout'}</h1>
        {!settled && <p>This is the sandbox: no card, no bank, no money. It shows what a real payment would do.</p>}
      </header>
      <Slip
        title={`${amount(credits)} credits`}
        note={`Order ${order.data.id}`}
        stamp={status === 'paid' ? { text: 'Paid', tone: 'good' } : settled ? { text: status === 'refunded' ? 'Refunded' : 'Failed', tone: 'bad' } : null}
        lines={[
          { label: 'Credits', value: amount(credits) },
          { label: 'To pay', value: money(price), strong: true },
        ]}
      />
      {pay.isError && <Notice>{wordsFor(pay.error)}</Notice>}
      <div className={styles.ways} aria-live="polite">
        {settled ? (
          <>
            <ButtonLink to="/create" look="primary" size="large" iconAfter="arrow">
              Make a clip
            </ButtonLink>
            <ButtonLink to="/wallet" look="ghost" size="large">
              Wallet
            </ButtonLink>
          </>
        ) : (
          <>
            <Button look="primary" size="large" busy={pay.isPending || waiting} onClick={() => pay.mutate()}>
              {waiting ? 'Waiting for the provider' : `Pay ${money(price)} (sandbox)`}
            </Button>
            <ButtonLink to="/wallet" look="ghost" size="large">
              Not now
            </ButtonLink>
          </>
        )}
      </div>
    </div>
  );
}
