/**
 * The server's clock, as told from here: its origin is arbitrary, so only ping and pong relate it to the page's own.
 *
 * A pong was written somewhere between its ping and now; half-way is the best guess, and it cannot be off by more than
 * half of the round trip. So the quickest round trip of the last few wins. Only the last few: two clocks drift apart
 * by tens of microseconds a second.
 */

const KEPT = 16;

export class ServerClock {
  /** @type {{ offset: number, trip: number }[]} */
  #samples = [];

  /**
   * Note a pong.
   * @param {number} sent milliseconds on the page's clock when the ping left
   * @param {number} received milliseconds on the page's clock when the pong came
   * @param {number} clock microseconds on the server's clock when it was answered
   */
  heard(sent, received, clock) {
    const trip = received - sent;
    if (!(trip >= 0)) return; // not the answer to a ping of this page
    this.#samples.push({ offset: clock / 1000 - (sent + received) / 2, trip });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** What to add to the page's clock to get the server's, in milliseconds; null before the first pong. */
  get offset() {
    return this.#best()?.offset ?? null;
  }

  /** The quickest of the last round trips, in milliseconds; null before the first pong. */
  get trip() {
    return this.#best()?.trip ?? null;
  }

  /**
   * How long ago something happened there, in milliseconds, never negative; null before the first pong.
   * @param {number} captured microseconds on the server's clock
   * @param {number} now milliseconds on the page's clock
   */
  age(captured, now) {
    const offset = this.offset;
    return offset === null ? null : Math.max(0, now + offset - captured / 1000);
  }

  /** Another server, another clock. */
  forget() {
    this.#samples = [];
  }

  #best() {
    let best = this.#samples[0];
    for (const sample of this.#samples) if (best && sample.trip < best.trip) best = sample;
    return best;
  }
}
