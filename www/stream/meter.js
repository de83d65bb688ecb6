/**
 * What the numbers on the page are, as rules: nothing here knows a clock, `now` is always given, in milliseconds.
 *
 * @typedef {{ fps: number, age: number | null, dropped: number, bytesPerSecond: number }} Reading
 */

const SECOND = 1000;
const FPS_SPAN = 2000; // two seconds, so that one frame a second still reads as 1

/** The middle of some numbers, null of none. @param {number[]} numbers */
export function median(numbers) {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 ? high : (high + (sorted[middle - 1] ?? 0)) / 2;
}

/**
 * Frames per second from the moments they were drawn: intervals over the time they took, so that it does not
 * flicker between 29 and 31 as frames fall in and out of a second. A pause that is longer than an interval counts too,
 * so that a picture that stands still does not go on reading 30.
 * @param {number[]} moments in milliseconds, ascending
 * @param {number} now
 */
export function rate(moments, now) {
  const first = moments[0];
  const last = moments.at(-1);
  if (first === undefined || last === undefined || last <= first) return 0;
  const intervals = moments.length - 1;
  const usual = (last - first) / intervals;
  return (intervals * SECOND) / Math.max(last - first, now - first - usual);
}

export class Meter {
  /** @type {{ at: number, bytes: number }[]} */
  #arrived = [];
  /** @type {{ at: number, age: number | null }[]} */
  #drawn = [];
  #dropped = 0;

  /** A packet came. @param {number} bytes header included @param {number} now */
  arrived(bytes, now) {
    this.#arrived.push({ at: now, bytes });
    this.#forget(now);
  }

  /** A picture was drawn. @param {number | null} age in milliseconds, null while nobody knows @param {number} now */
  drawn(age, now) {
    this.#drawn.push({ at: now, age });
    this.#forget(now);
  }

  /** A packet came and was never drawn, because a newer one was there. */
  dropped() {
    this.#dropped += 1;
  }

  /** All numbers as of now: rates per second, the median age of the last second, everything ever dropped here. @param {number} now @returns {Reading} */
  read(now) {
    this.#forget(now);
    const ages = this.#drawn.flatMap(({ at, age }) => (now - at <= SECOND && age !== null ? [age] : []));
    return {
      fps: rate(this.#drawn.map(({ at }) => at), now),
      age: median(ages),
      dropped: this.#dropped,
      bytesPerSecond: this.#arrived.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  // Called on every note as well, so that what is kept is bounded even when nobody reads.
  /** @param {number} now */
  #forget(now) {
    while (this.#arrived[0] && now - this.#arrived[0].at > SECOND) this.#arrived.shift();
    while (this.#drawn[0] && now - this.#drawn[0].at > FPS_SPAN) this.#drawn.shift();
  }
}
