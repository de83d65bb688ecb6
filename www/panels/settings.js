/**
 * What pictures this browser asks for, remembered here; and what the server says of them and of itself.
 *
 * @import { Encoding, Ok, Request, Source, Stats, Watching, Wishes } from '../stream/protocol.js'
 * @import { Storage } from '../lib/storage.js'
 */
import { field, find, make } from '../lib/dom.js';
import { encodingName, perSecond, whole } from '../lib/format.js';
import { isString } from '../lib/storage.js';
import { watch } from '../stream/protocol.js';
import { attempt } from './attempt.js';

const FIELDS = /** @type {const} */ (['encoding', 'quality', 'fps', 'width']);
// What a browser asks for that was never told otherwise.
const DEFAULTS = { encoding: '', quality: 'auto', fps: '', width: '' };
const LOSSLESS = new Set(['png', 'i420', 'rgba']);

/**
 * What a form's choices mean on the wire; an empty choice leaves it to the server.
 * @param {{ encoding: string, quality: string, fps: string, width: string }} choices
 * @param {readonly Encoding[]} known what this page can show, best first
 * @returns {Wishes}
 */
export function wishes(choices, known) {
  // One chosen encoding is asked for alone: another in its place would look like it.
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
  #ask;
  #known;
  #refused;

  /**
   * @param {Storage} storage
   * @param {readonly Encoding[]} known what this page can show, best first
   * @param {(request: Request) => Promise<Ok>} ask
   * @param {(why: string) => void} refused told why there are no pictures, and nothing when there are
   */
  constructor(storage, known, ask, refused) {
    this.#storage = storage;
    this.#known = known;
    this.#ask = ask;
    this.#refused = refused;
    for (const encoding of known) this.#select('encoding').add(new Option(encodingName(encoding), encoding));
    for (const name of FIELDS) {
      const select = this.#select(name);
      select.value = storage.get(`watch.${name}`, isString, DEFAULTS[name]);
      if (select.selectedIndex < 0) select.value = DEFAULTS[name]; // an option of another version
    }
    this.#form.addEventListener('change', () => this.#changed());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#quiet();
  }

  /** Ask for the pictures that are chosen here. */
  async watch() {
    const value = /** @param {typeof FIELDS[number]} name */ (name) => this.#select(name).value;
    const choices = { encoding: value('encoding'), quality: value('quality'), fps: value('fps'), width: value('width') };
    const done = await attempt(this.#problem, () => this.#ask(watch(wishes(choices, this.#known))));
    this.#refused(done ? '' : this.#problem.value);
  }

  /** What of all this the server has. @param {string[]} offered */
  offered(offered) {
    for (const option of this.#select('encoding').options) {
      const missing = option.value !== '' && !offered.includes(option.value);
      option.textContent = option.value ? encodingName(option.value) + (missing ? ' (not here)' : '') : 'Automatic';
      option.disabled = missing && !option.selected;
    }
  }

  /** @param {Watching} watching */
  watching({ encoding, width, height, fps, quality }) {
    const parts = [encodingName(encoding), `${width} × ${height}`];
    if (fps) parts.push(`${perSecond(fps)} fps`);
    if (quality) parts.push(`quality ${quality}`);
    find('watching', HTMLElement).textContent = parts.join(' · ');
  }

  /** @param {Source | null} source @param {Stats | null} stats @param {string} version */
  health(source, stats, version) {
    /** @type {[string, string | null | undefined][]} */
    const facts = [
      ['Source', source?.kind],
      ['Why this one', source?.why],
      ['Frames', number(stats?.source_fps, perSecond, 'fps')],
      ['Processor', number(stats?.cpu_percent, whole, '%')],
      ['Memory', number(stats?.memory_mb, whole, 'MB')],
      ['Temperature', number(stats?.temperature_c, whole, '°C')],
      ['Power or heat', stats?.throttled ? 'slowed down' : null],
      ['Version', version],
    ];
    const known = facts.flatMap(([term, text]) => (text ? [make('div', {}, make('dt', {}, term), make('dd', {}, text))] : []));
    find('health', HTMLElement).replaceChildren(...known);
  }

  #changed() {
    for (const name of FIELDS) this.#storage.set(`watch.${name}`, this.#select(name).value);
    this.#quiet();
    void this.watch();
  }

  // A number means nothing where nothing is lost; size and rate may follow the network all the same.
  #quiet() {
    const lossless = LOSSLESS.has(this.#select('encoding').value);
    for (const option of this.#select('quality').options) option.disabled = lossless && Number(option.value) > 0;
  }

  /** @param {typeof FIELDS[number]} name */
  #select(name) {
    return field(this.#form, name, HTMLSelectElement);
  }
}

/** @param {number | null | undefined} value @param {(value: number) => string} words @param {string} unit */
const number = (value, words, unit) => (value === null || value === undefined ? null : `${words(value)} ${unit}`);
