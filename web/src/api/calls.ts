import { http, session } from './client';
import { isSignedOutProblem } from './session';
import type {
  CreditPack,
  DeviceSession,
  Generation,
  GenerationRequest,
  Liking,
  LoginRequest,
  Me,
  Model,
  Order,
  OrderRequest,
  Page,
  ProfileChange,
  PublishRequest,
  Quote,
  QuoteRequest,
  RegisterRequest,
  SignedIn,
  Transfer,
  Wallet,
  Work,
} from './types';

/* One function per call of the API that the app makes. Those that create or spend take the idempotency key first. */

const segment = encodeURIComponent;

export async function register(body: RegisterRequest): Promise<void> {
  session.adopt(await http.request<SignedIn>('POST', '/auth/register', { body }));
}

export async function login(body: LoginRequest): Promise<void> {
  session.adopt(await http.request<SignedIn>('POST', '/auth/login', { body }));
}

/** Signed out here even when the server cannot be told: the access token is forgotten either way. */
export async function logout(): Promise<void> {
  try {
    await http.request('POST', '/auth/logout');
  } catch (error) {
    if (!isSignedOutProblem(error)) throw error;
  } finally {
    session.end();
  }
}

export const fetchMe = (signal: AbortSignal) => http.request<Me>('GET', '/users/me', { signal });

export async function changeProfile(body: ProfileChange): Promise<Me> {
  const me = await http.request<Me>('PATCH', '/users/me', { body });
  session.update(me);
  return me;
}

export const fetchSessions = (signal: AbortSignal) => http.request<Page<DeviceSession>>('GET', '/auth/sessions', { signal });
export const revokeSession = (id: string) => http.request<undefined>('DELETE', `/auth/sessions/${segment(id)}`);

export const fetchWallet = (signal: AbortSignal) => http.request<Wallet>('GET', '/wallet', { signal });
export const fetchTransfers = (cursor: string | null, signal: AbortSignal) =>
  http.request<Page<Transfer>>('GET', '/wallet/transfers', { query: { cursor, limit: 50 }, signal });
export const fetchPacks = (signal: AbortSignal) => http.request<Page<CreditPack>>('GET', '/credit-packs', { signal });
export const placeOrder = (idempotencyKey: string, body: OrderRequest) => http.request<Order>('POST', '/orders', { body, idempotencyKey });
export const fetchOrder = (id: string, signal: AbortSignal) => http.request<Order>('GET', `/orders/${segment(id)}`, { signal });
export const payInSandbox = (orderId: string) => http.request<unknown>('POST', `/sandbox/payments/${segment(orderId)}/complete`);

export const fetchModels = (signal: AbortSignal) => http.request<Page<Model>>('GET', '/models', { signal });
export const fetchQuote = (body: QuoteRequest, signal: AbortSignal) => http.request<Quote>('POST', '/generations/quote', { body, signal });
export const requestGeneration = (idempotencyKey: string, body: GenerationRequest) =>
  http.request<Generation>('POST', '/generations', { body, idempotencyKey });
export const fetchGeneration = (id: string, signal: AbortSignal) => http.request<Generation>('GET', `/generations/${segment(id)}`, { signal });
export const fetchGenerations = (cursor: string | null, signal: AbortSignal) =>
  http.request<Page<Generation>>('GET', '/generations', { query: { cursor, limit: 24 }, signal });
export const cancelGeneration = (id: string) => http.request<unknown>('DELETE', `/generations/${segment(id)}`);

export const publishWork = (idempotencyKey: string, body: PublishRequest) => http.request<Work>('POST', '/works', { body, idempotencyKey });
export const fetchLatestWorks = (cursor: string | null, signal: AbortSignal) =>
  http.request<Page<Work>>('GET', '/works', { query: { feed: 'latest', cursor, limit: 24 }, signal });
/** Repeating it is harmless: a like is there or not. */
export const setLike = (id: string, liked: boolean) => http.request<Liking>(liked ? 'PUT' : 'DELETE', `/works/${segment(id)}/like`);
export const fetchWork = (id: string, signal: AbortSignal) => http.request<Work>('GET', `/works/${segment(id)}`, { signal });
