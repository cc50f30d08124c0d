import { Problem } from './problem';
import { randomId } from './random-id';

/**
 * Holds the Idempotency-Key of one form. While the outcome of a submission is unknown (no answer, or a server fault), sending the
 * same body again carries the same key, so the server acts once. A changed body, a success or a refusal ends that key:
 * the server stores its answer under it, and "not enough credits" must not be replayed after a top-up.
 */
export class Submission {
  #key: string | null = null;
  #body = '';

  async send<T>(body: unknown, post: (key: string) => Promise<T>): Promise<T> {
    const text = JSON.stringify(body);
    if (this.#key === null || text !== this.#body) {
      this.#key = randomId();
      this.#body = text;
    }
    try {
      const reply = await post(this.#key);
      this.#key = null;
      return reply;
    } catch (error) {
      if (error instanceof Problem && isVerdict(error.status)) this.#key = null;
      throw error;
    }
  }
}

/** A 4xx is the server's last word on this body, except the ones that say "not now". */
function isVerdict(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
}
