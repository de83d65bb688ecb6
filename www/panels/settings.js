/**
 * The settings of this browser's picture, what the service sends, and the state of the camera.
 *
 * @import { Encoding, Ok, Request, Source, Stats, Watching, WatchOptions } from '../stream/protocol.js'
 * @import { Storage } from '../lib/storage.js'
 */
import { field, find, make } from '../lib/dom.js';
import { encodingName, perSecond, whole } from '../lib/format.js';
import { isString } from '../lib/storage.js';
import { watch } from '../stream/protocol.js';
import { attempt } from './attempt.js';

const FIELDS = /** @type {const} */ (['encoding', 'quality', 'fps', 'width']);
const DEFAULTS = { encoding: '', quality: 'auto', fps: '', width: '' };
const LOSSLESS = new Set(['png', 'i420', 'rgba']);

/**
 * The choices of the form as a `watch` message. An empty choice is left to the server.
 * @param {{ encoding: string, quality: string, fps: string, width: string }} choices
 * @param {readonly Encoding[]} known encodings that this page can decode, preferred first
 * @returns {WatchOptions}
 */
export function watchOptions(choices, known) {
  // If an encoding is chosen, no other is accepted: the user could not tell.
  const accept = known.filter((encoding) => !choices.encoding || encoding === choices.encoding);
  return {
    accept,
    ...(choices.quality && { quality: choices.quality === 'auto' ? 'auto' : Number(choices.quality) }),
    ...(choices.fps && { fps: Number(choices.fps) }),
    ...(choices.width && { width: Number(choices.width) }),
  };
}

export class Settings {
  #form = find('settings-form', HTMLFormElement);
  #problem = find('settings-problem', HTMLOutputElement);
  #storage;
  #request;
  #known;
  #refused;

  /**
   * @param {Storage} storage
   * @param {readonly Encoding[]} known encodings that this page can decode, preferred first
   * @param {(request: Request) => Promise<Ok>} request
   * @param {(reason: string) => void} refused called with the reason if the service refuses the settings, else with ''
   */
  constructor(storage, known, request, refused) {
    this.#storage = storage;
    this.#known = known;
    this.#request = request;
    this.#refused = refused;
    for (const encoding of known) this.#select('encoding').add(new Option(encodingName(encoding), encoding));
    for (const name of FIELDS) {
      const select = this.#select(name);
      select.value = storage.get(`watch.${name}`, isString, DEFAULTS[name]);
      if (select.selectedIndex < 0) select.value = DEFAULTS[name]; // a value of another version
    }
    this.#form.addEventListener('change', () => this.#changed());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#disableUnused();
  }

  /** Request frames with the chosen settings. */
  async watch() {
    const value = /** @param {typeof FIELDS[number]} name */ (name) => this.#select(name).value;
    const choices = { encoding: value('encoding'), quality: value('quality'), fps: value('fps'), width: value('width') };
    const done = await attempt(this.#problem, () => this.#request(watch(watchOptions(choices, this.#known))));
    this.#refused(done ? '' : this.#problem.value);
  }

  /** Show which encodings the service has. @param {string[]} available */
  setAvailable(available) {
    for (const option of this.#select('encoding').options) {
      const missing = option.value !== '' && !available.includes(option.value);
      option.textContent = option.value ? encodingName(option.value) + (missing ? ' (not available)' : '') : 'Automatic';
      option.disabled = missing && !option.selected;
    }
  }

  /** Show what the service sends. @param {Watching} watching */
  showWatching({ encoding, width, height, fps, quality }) {
    const parts = [encodingName(encoding), `${width} × ${height}`];
    if (fps) parts.push(`${perSecond(fps)} fps`);
    if (quality) parts.push(`quality ${quality}`);
    find('watching', HTMLElement).textContent = parts.join(' · ');
  }

  /** Show the state of the camera. @param {Source | null} source @param {Stats | null} stats @param {string} version */
  showHealth(source, stats, version) {
    /** @type {[string, string | null | undefined][]} */
    const facts = [
      ['Source', source?.kind],
      ['Chosen because', source?.why],
      ['Frame rate', number(stats?.source_fps, perSecond, 'fps')],
      ['CPU', number(stats?.cpu_percent, whole, '%')],
      ['Memory', number(stats?.memory_mb, whole, 'MB')],
      ['Temperature', number(stats?.temperature_c, whole, '°C')],
      ['Throttled', stats?.throttled ? 'yes (power or heat)' : null],
      ['Version', version],
    ];
    const known = facts.flatMap(([term, text]) => (text ? [make('div', {}, make('dt', {}, term), make('dd', {}, text))] : []));
    find('health', HTMLElement).replaceChildren(...known);
  }

  #changed() {
    for (const name of FIELDS) this.#storage.set(`watch.${name}`, this.#select(name).value);
    this.#disableUnused();
    void this.watch();
  }

  // Lossless encodings have no quality number. "auto" still controls their size and rate.
  #disableUnused() {
    const lossless = LOSSLESS.has(this.#select('encoding').value);
    for (const option of this.#select('quality').options) option.disabled = lossless && Number(option.value) > 0;
  }

  /** @param {typeof FIELDS[number]} name */
  #select(name) {
    return field(this.#form, name, HTMLSelectElement);
  }
}

/** @param {number | null | undefined} value @param {(value: number) => string} format @param {string} unit */
const number = (value, format, unit) => (value === null || value === undefined ? null : `${format(value)} ${unit}`);
