/*
 * The shapes of the HTTP API, version 1, in the layout that `npm run schema` generates from the server's OpenAPI
 * document. This file is replaced by the generated one as a whole; `types.ts` gives the shapes their short names.
 */
export interface components {
  schemas: {
    Me: {
      id: string;
      handle: string;
      email: string;
      displayName: string | null;
      bio: string | null;
      avatar?: string | null;
      createdAt?: string;
    };
    SignedIn: {
      user: components['schemas']['Me'];
      accessToken: string;
      /** Seconds that the access token lives. */
      expiresIn: number;
      refreshToken: string;
    };
    RegisterRequest: { handle: string; email: string; password: string; displayName?: string };
    LoginRequest: { login: string; password: string };
    ProfileChange: { displayName?: string; bio?: string };
    DeviceSession: {
      id: string;
      /** The device's name as the server reads it from the user agent. */
      device: string | null;
      createdAt: string;
      lastSeenAt: string;
      current: boolean;
    };
    DeviceSessionPage: { items: components['schemas']['DeviceSession'][]; nextCursor: string | null };

    Wallet: { credits: number; held: number; coins: number };
    Transfer: {
      id: string;
      kind: string;
      /** Which of the caller's accounts it moved: credits, held or coins. */
      account?: string;
      /** Signed: what the account gained or lost. */
      amount: number;
      reference: string | null;
      balanceAfter: number;
      createdAt: string;
    };
    TransferPage: { items: components['schemas']['Transfer'][]; nextCursor: string | null };
    Money: { amount: number; currency: string };
    CreditPack: { id: string; name: string; credits: number; price: components['schemas']['Money'] };
    CreditPackPage: { items: components['schemas']['CreditPack'][]; nextCursor: string | null };
    OrderRequest: { packId: string };
    Order: {
      id: string;
      status: 'pending' | 'paid' | 'failed' | 'refunded';
      price: components['schemas']['Money'];
      credits: number;
      checkoutUrl: string | null;
      createdAt?: string;
    };

    Model: {
      id: string;
      name: string;
      provider: string;
      description?: string | null;
      seconds: number[];
      sizes: string[];
      creditsPerSecond: number;
      supportsInputReference: boolean;
    };
    ModelPage: { items: components['schemas']['Model'][]; nextCursor: string | null };
    QuoteRequest: { model?: string; seconds?: number; size?: string };
    Quote: { model: string; seconds: number; size: string; credits: number };
    GenerationRequest: {
      prompt: string;
      model?: string;
      seconds?: number;
      size?: string;
      inputReference?: components['schemas']['InputReference'];
    };
    /** An image as its type and its base64 bytes; never an address that the server would fetch. */
    InputReference: { contentType: string; data: string };
    GenerationStatus: 'queued' | 'running' | 'packaging' | 'ready' | 'failed' | 'cancelled';
    GenerationFailure: { code: string; detail?: string | null };
    GenerationReceipt: { quoted: number; held: number; captured: number; released: number };
    Generation: {
      id: string;
      status: components['schemas']['GenerationStatus'];
      /** 0..100 */
      progress: number;
      queuePosition: number | null;
      etaSeconds: number | null;
      prompt: string;
      model: string;
      seconds: number;
      size: string;
      failure: components['schemas']['GenerationFailure'] | null;
      receipt: components['schemas']['GenerationReceipt'];
      workId: string | null;
      /** What can be played now: the first rendition while the others are made, everything once it is ready. */
      preview: components['schemas']['GenerationPreview'] | null;
      createdAt: string;
    };
    GenerationPreview: { hls: string | null; mp4?: string | null; poster?: string | null; preview?: string | null };
    GenerationPage: { items: components['schemas']['Generation'][]; nextCursor: string | null };

    Visibility: 'public' | 'unlisted' | 'private';
    PublishRequest: {
      generationId: string;
      title: string;
      description?: string;
      tags?: string[];
      visibility: components['schemas']['Visibility'];
    };
    Playback: {
      hls: string | null;
      mp4: string | null;
      poster: string | null;
      /** A strip of ten frames side by side. */
      preview: string | null;
      durationSeconds: number;
      width: number;
      height: number;
    };
    Author: { id: string; handle: string; displayName: string | null; avatar?: string | null };
    Work: {
      id: string;
      title: string;
      description?: string | null;
      tags?: string[];
      visibility?: components['schemas']['Visibility'];
      author: components['schemas']['Author'];
      playback: components['schemas']['Playback'];
      counts: { views: number; likes: number; comments: number };
      viewer?: { liked: boolean } | null;
      createdAt: string;
    };
    LikeReply: { likes: number; liked: boolean };
    WorkPage: { items: components['schemas']['Work'][]; nextCursor: string | null };

    Problem: {
      type?: string;
      title?: string;
      status?: number;
      detail?: string;
      instance?: string;
      code?: string;
      traceId?: string;
      errors?: unknown;
    };
  };
}
