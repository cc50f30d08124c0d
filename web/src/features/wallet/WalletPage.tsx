import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { fetchTransfers } from '../../api/calls';
import { useWallet } from '../../api/hooks';
import { keys } from '../../api/keys';
import { wordsFor } from '../../api/problem';
import { Button, ButtonLink } from '../../ui/Button';
import { amount, dateTime, signed } from '../../ui/format';
import { Blank, Notice } from '../../ui/Notice';
import { PageTitle } from '../../ui/PageTitle';
import { Skeleton } from '../../ui/Skeleton';
import { Slip } from '../../ui/Slip';
import { PackShelf } from './PackShelf';
import { groupReceipts, type ReceiptGroup } from './receipts';
import styles from './WalletPage.module.css';

export function WalletPage() {
  const wallet = useWallet();
  return (
    <div className="page">
      <PageTitle text="Wallet" />
      <h1 className="visually-hidden">Wallet</h1>
      <section className={styles.purse} aria-label="Balance">
        {wallet.isPending && <Skeleton height="9rem" />}
        {wallet.isError && !wallet.data && (
          <Notice>
            {wordsFor(wallet.error)}{' '}
            <button type="button" className={styles.retry} onClick={() => void wallet.refetch()}>
              Try again
            </button>
          </Notice>
        )}
        {wallet.data && (
          <dl className={styles.balances}>
            <div className={styles.main}>
              <dd>{amount(wallet.data.credits)}</dd>
              <dt>credits to spend</dt>
            </div>
            <div>
              <dd>{amount(wallet.data.held)}</dd>
              <dt>on hold for clips in the making</dt>
            </div>
            <div>
              <dd>{amount(wallet.data.coins)}</dd>
              <dt>coins earned</dt>
            </div>
          </dl>
        )}
      </section>
      <PackShelf />
      <Receipts />
    </div>
  );
}

function Receipts() {
  const transfers = useInfiniteQuery({
    queryKey: keys.transfers,
    queryFn: ({ pageParam, signal }) => fetchTransfers(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
  const groups = groupReceipts(transfers.data?.pages.flatMap((page) => page.items) ?? []);

  return (
    <section className={styles.section}>
      <header>
        <h2>Receipts</h2>
        <p>Credits are set aside when a clip starts, and taken only when it is ready.</p>
      </header>
      {transfers.isPending && (
        <div className={styles.slips} role="status" aria-label="Loading receipts">
          <Skeleton height="12rem" />
          <Skeleton height="12rem" />
          <Skeleton height="12rem" />
        </div>
      )}
      {transfers.isError && groups.length === 0 && (
        <Blank title="The receipts did not load" action={<Button look="primary" onClick={() => void transfers.refetch()}>Try again</Button>}>
          {wordsFor(transfers.error)}
        </Blank>
      )}
      {transfers.isSuccess && groups.length === 0 && (
        <Blank title="No movements yet" action={<ButtonLink to="/create">Make a clip</ButtonLink>}>
          Whatever comes in or goes out will be listed here, to the credit.
        </Blank>
      )}
      <div className={styles.slips}>
        {groups.map((group) => (
          <ReceiptGroupSlip key={group.id} group={group} />
        ))}
      </div>
      {transfers.hasNextPage && (
        <div className={styles.more}>
          <Button look="ghost" busy={transfers.isFetchingNextPage} onClick={() => void transfers.fetchNextPage()}>
            Older receipts
          </Button>
        </div>
      )}
    </section>
  );
}

function ReceiptGroupSlip({ group }: { group: ReceiptGroup }) {
  return (
    <Slip
      title={group.generationId === null ? group.title : <Link to={`/g/${group.generationId}`}>{group.title}</Link>}
      note={<time dateTime={group.time}>{dateTime(group.time)}</time>}
      stamp={group.stamp}
      lines={[
        ...group.lines.map((line) => ({ label: line.label, value: line.signed ? signed(line.value) : amount(line.value) })),
        ...(group.balanceAfter === null ? [] : [{ label: 'Balance after', value: amount(group.balanceAfter), strong: true }]),
      ]}
    />
  );
}
