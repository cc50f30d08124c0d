import { useMutation, useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { useNavigate } from 'react-router';
import { fetchPacks, placeOrder } from '../../api/calls';
import { keys } from '../../api/keys';
import { wordsFor } from '../../api/problem';
import { Submission } from '../../api/submission';
import type { CreditPack } from '../../api/types';
import { Button } from '../../ui/Button';
import { amount, money } from '../../ui/format';
import { Notice } from '../../ui/Notice';
import { Skeleton } from '../../ui/Skeleton';
import { checkoutPlace } from './checkout';
import styles from './PackShelf.module.css';

export function PackShelf() {
  const navigate = useNavigate();
  const submission = useRef(new Submission());
  const packs = useQuery({ queryKey: keys.packs, queryFn: ({ signal }) => fetchPacks(signal), staleTime: 300_000 });
  const order = useMutation({
    mutationFn: (pack: CreditPack) => {
      const body = { packId: pack.id };
      return submission.current.send(body, (key) => placeOrder(key, body));
    },
    onSuccess: (placed) => {
      const place = checkoutPlace(placed, location.origin);
      if (place.within) return navigate(place.to);
      location.assign(place.to);
      return undefined;
    },
  });
  const items = packs.data?.items ?? [];
  const cheapest = Math.min(...items.map(perCredit));

  return (
    <section className={styles.shelf} aria-label="Buy credits">
      <h2>More credits</h2>
      {packs.isPending && <Skeleton height="8rem" />}
      {packs.isError && <Notice>{wordsFor(packs.error)}</Notice>}
      {packs.isSuccess && items.length === 0 && <p>Nothing is for sale on this SkyRiff.</p>}
      {order.isError && <Notice>{wordsFor(order.error)}</Notice>}
      <ul className={styles.packs}>
        {items.map((pack) => (
          <li key={pack.id} className={styles.pack}>
            <h3>{pack.name}</h3>
            <p className={styles.credits}>
              <strong>{amount(pack.credits)}</strong> credits
            </p>
            <p className={styles.best}>{items.length > 1 && perCredit(pack) === cheapest ? 'Most for the money' : ''}</p>
            <Button look="ghost" busy={order.isPending && order.variables.id === pack.id} disabled={order.isPending && order.variables.id !== pack.id} onClick={() => order.mutate(pack)}>
              Buy for {money(pack.price)}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function perCredit(pack: CreditPack): number {
  return pack.price.amount / pack.credits;
}
