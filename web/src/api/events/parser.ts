export type ServerEvent = { name: string; data: string; id: string | null };

/**
 * Server-sent events from text that arrives in pieces of any size (WHATWG HTML, "Interpreting an event stream"): lines end in LF,
 * CRLF or CR, a blank line dispatches, a leading colon is a comment, `id` persists until the next one.
 */
export class EventStreamParser {
  #buffer = '';
  #name = '';
  #data: string[] = [];
  #lastId: string | null = null;
  /** The wait before reconnecting that the server asked for. */
  retryMs: number | null = null;

  get lastId(): string | null {
    return this.#lastId;
  }

  push(text: string): ServerEvent[] {
    this.#buffer += text;
    const events: ServerEvent[] = [];
    for (;;) {
      const end = this.#buffer.search(/[\r\n]/);
      // A CR at the very end may be the first half of a CRLF: wait for what follows.
      if (end < 0 || (this.#buffer[end] === '\r' && end === this.#buffer.length - 1)) return events;
      const line = this.#buffer.slice(0, end);
      const width = this.#buffer.startsWith('\r\n', end) ? 2 : 1;
      this.#buffer = this.#buffer.slice(end + width);
      const event = this.#line(line);
      if (event) events.push(event);
    }
  }

  #line(line: string): ServerEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'id' && !value.includes('\0')) this.#lastId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): ServerEvent | null {
    const event = this.#data.length === 0 ? null : { name: this.#name || 'message', data: this.#data.join('\n'), id: this.#lastId };
    this.#name = '';
    this.#data = [];
    return event;
  }
}
