import type { components } from './schema';

type Schemas = components['schemas'];

export type Me = Schemas['Me'];
export type SignedIn = Schemas['SignedIn'];
export type RegisterRequest = Schemas['RegisterRequest'];
export type LoginRequest = Schemas['LoginRequest'];
export type ProfileChange = Schemas['ProfileChange'];
export type DeviceSession = Schemas['DeviceSession'];
export type Wallet = Schemas['Wallet'];
export type Transfer = Schemas['Transfer'];
export type Money = Schemas['Money'];
export type CreditPack = Schemas['CreditPack'];
export type OrderRequest = Schemas['OrderRequest'];
export type Order = Schemas['Order'];
export type Model = Schemas['Model'];
export type QuoteRequest = Schemas['QuoteRequest'];
export type Quote = Schemas['Quote'];
export type GenerationRequest = Schemas['GenerationRequest'];
export type InputReference = Schemas['InputReference'];
export type GenerationStatus = Schemas['GenerationStatus'];
export type Generation = Schemas['Generation'];
export type Receipt = Schemas['GenerationReceipt'];
export type Visibility = Schemas['Visibility'];
export type PublishRequest = Schemas['PublishRequest'];
export type Playback = Schemas['Playback'];
export type Author = Schemas['Author'];
export type Work = Schemas['Work'];
export type Liking = Schemas['LikeReply'];

/** Every list answers this. */
export type Page<T> = { items: T[]; nextCursor: string | null };
