import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { fetchQuote } from '../../api/calls';
import type { Quote, QuoteRequest } from '../../api/types';

const settleMs = 200;

/** The server's price for these settings, asked once the settings rest. */
export function useQuote(settings: QuoteRequest | null): UseQueryResult<Quote> {
  const settled = useSettled(settings === null ? null : JSON.stringify(settings));
  return useQuery({
    queryKey: ['quote', settled],
    queryFn: ({ signal }) => fetchQuote(JSON.parse(settled ?? '{}') as QuoteRequest, signal),
    enabled: settled !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

/** The value after it stopped changing for a moment; the first one at once. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    if (value === settled) return;
    const timer = setTimeout(() => setSettled(value), settled === null ? 0 : settleMs);
    return () => clearTimeout(timer);
  }, [value, settled]);
  return settled;
}
