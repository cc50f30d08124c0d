import type { Order } from '../../api/types';

/** Where the buyer goes to pay: a page of this app, or the provider's own (https, or http where this app is served so too). */
export function checkoutPlace(order: Pick<Order, 'id' | 'checkoutUrl'>, origin: string): { within: boolean; to: string } {
  const fallback = { within: true, to: `/sandbox/checkout/${encodeURIComponent(order.id)}` };
  if (!order.checkoutUrl || !URL.canParse(order.checkoutUrl, origin)) return fallback;
  const url = new URL(order.checkoutUrl, origin);
  if (url.origin === origin) return { within: true, to: url.pathname + url.search };
  return url.protocol === 'https:' || url.protocol === new URL(origin).protocol ? { within: false, to: url.href } : fallback;
}
