/** Numbers as people read them. */

const UNKNOWN = '–';

/** @param {number | null} number */
export const whole = (number) => (number === null ? UNKNOWN : String(Math.round(number)));

/** One decimal while it says something: 0.5, 9.9, 30. @param {number} number */
export const perSecond = (number) => (number < 9.95 && number % 1 !== 0 ? number.toFixed(1) : String(Math.round(number)));

/** Three digits and a unit of 1000: 950 kB/s, 1.2 MB/s. @param {number} number bytes per second */
export function bytesPerSecond(number) {
  let value = number;
  let unit = 'B/s';
  for (const larger of ['kB/s', 'MB/s', 'GB/s']) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  const text = unit !== 'B/s' && value < 9.95 ? value.toFixed(1) : String(Math.round(value));
  return `${text} ${unit}`;
}

/** A time that passes, in whole seconds below two minutes: 12 s, 10 min, 3 h. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 119.5) return `${Math.ceil(seconds)} s`;
  return seconds < 119.5 * 60 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** How an encoding is called on the page. @param {string} encoding */
export const encodingName = (encoding) => ENCODING_NAMES.get(encoding) ?? encoding;

const ENCODING_NAMES = new Map([
  ['jpeg', 'JPEG'],
  ['png', 'PNG'],
  ['i420', 'I420'],
  ['rgba', 'RGBA'],
  ['h264', 'H.264'],
]);
