/**
 * The offset between the server's clock and the page's clock, estimated from ping and pong.
 *
 * The server answers a ping at some time between sending and receiving. The middle is the best estimate; its error is
 * at most half of the round trip. So the sample with the shortest round trip is used. Only the newest samples are kept,
 * because two clocks drift apart by tens of microseconds per second.
 */

const MAX_SAMPLES = 16;

export class ServerClock {
  /** @type {{ offset: number, roundTrip: number }[]} */
  #samples = [];

  /**
   * Add the sample of a pong.
   * @param {number} sent milliseconds on the page's clock when the ping was sent
   * @param {number} received milliseconds on the page's clock when the pong arrived
   * @param {number} clock microseconds on the server's clock when it answered
   */
  add(sent, received, clock) {
    const roundTrip = received - sent;
    if (!(roundTrip >= 0)) return; // not the answer to a ping of this page
    this.#samples.push({ offset: clock / 1000 - (sent + received) / 2, roundTrip });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** The server's clock minus the page's clock, in milliseconds; null before the first pong. */
  get offset() {
    return this.#best()?.offset ?? null;
  }

  /** The shortest of the last round trips, in milliseconds; null before the first pong. */
  get roundTrip() {
    return this.#best()?.roundTrip ?? null;
  }

  /**
   * The time since an event on the server, in milliseconds, at least 0; null before the first pong.
   * @param {number} captured microseconds on the server's clock
   * @param {number} now milliseconds on the page's clock
   */
  age(captured, now) {
    const offset = this.offset;
    return offset === null ? null : Math.max(0, now + offset - captured / 1000);
  }

  /** Remove all samples: the server may be another one. */
  reset() {
    this.#samples = [];
  }

  #best() {
    let best = this.#samples[0];
    for (const sample of this.#samples) if (best && sample.roundTrip < best.roundTrip) best = sample;
    return best;
  }
}
