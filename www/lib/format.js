/** Numbers and names as text for people. */

const UNKNOWN = '–';

/** @param {number | null} number */
export const whole = (number) => (number === null ? UNKNOWN : String(Math.round(number)));

/** A rate, with one decimal below 10 unless it is whole: 0.5, 9.9, 30. @param {number} number */
export const perSecond = (number) => (number < 9.95 && number % 1 !== 0 ? number.toFixed(1) : String(Math.round(number)));

/** Up to three digits and a decimal unit: 950 kB/s, 1.2 MB/s. @param {number} number bytes per second */
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

/** A duration in seconds up to 2 minutes, in minutes up to 2 hours, else in hours: 12 s, 10 min, 3 h. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 119.5) return `${Math.ceil(seconds)} s`;
  return seconds < 119.5 * 60 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** The name of an encoding. @param {string} encoding as on the wire */
export const encodingName = (encoding) => ENCODING_NAMES.get(encoding) ?? encoding;

const ENCODING_NAMES = new Map([
  ['jpeg', 'JPEG'],
  ['png', 'PNG'],
  ['i420', 'I420'],
  ['rgba', 'RGBA'],
  ['h264', 'H.264'],
]);
