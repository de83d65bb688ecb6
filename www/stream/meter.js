/**
 * The numbers in the bar, computed from events. It reads no clock: `now` is a parameter, in milliseconds.
 *
 * @typedef {{ fps: number, age: number | null, dropped: number, bytesPerSecond: number }} Reading
 */

const SECOND_MS = 1000;
const FPS_SPAN_MS = 2000; // so that one frame per second reads as 1

/** The median, or null if there are no numbers. @param {number[]} numbers */
export function median(numbers) {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 ? high : (high + (sorted[middle - 1] ?? 0)) / 2;
}

/**
 * Frames per second: the number of intervals divided by their total time. Unlike a count per second, this does not
 * flicker between 29 and 31. A pause since the last frame that is longer than the mean interval counts too, so that the
 * rate falls when the frames stop.
 * @param {number[]} times when frames were drawn, in milliseconds, ascending
 * @param {number} now
 */
export function rate(times, now) {
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined || last <= first) return 0;
  const intervals = times.length - 1;
  const mean = (last - first) / intervals;
  return (intervals * SECOND_MS) / Math.max(last - first, now - first - mean);
}

export class Meter {
  /** @type {{ at: number, bytes: number }[]} */
  #arrived = [];
  /** @type {{ at: number, age: number | null }[]} */
  #drawn = [];
  #dropped = 0;

  /** A packet arrived. @param {number} bytes including the header @param {number} now */
  arrived(bytes, now) {
    this.#arrived.push({ at: now, bytes });
    this.#removeOld(now);
  }

  /** A frame was drawn. @param {number | null} age in milliseconds, null if unknown @param {number} now */
  drawn(age, now) {
    this.#drawn.push({ at: now, age });
    this.#removeOld(now);
  }

  /** A packet arrived and was not drawn, because a newer one replaced it. */
  dropped() {
    this.#dropped += 1;
  }

  /**
   * The numbers at this moment: rates per second, the median age over the last second, and all frames dropped so far.
   * @param {number} now
   * @returns {Reading}
   */
  read(now) {
    this.#removeOld(now);
    const ages = this.#drawn.flatMap(({ at, age }) => (now - at <= SECOND_MS && age !== null ? [age] : []));
    return {
      fps: rate(this.#drawn.map(({ at }) => at), now),
      age: median(ages),
      dropped: this.#dropped,
      bytesPerSecond: this.#arrived.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  // Also called on each event, so that the lists are bounded even if `read` is never called.
  /** @param {number} now */
  #removeOld(now) {
    while (this.#arrived[0] && now - this.#arrived[0].at > SECOND_MS) this.#arrived.shift();
    while (this.#drawn[0] && now - this.#drawn[0].at > FPS_SPAN_MS) this.#drawn.shift();
  }
}
