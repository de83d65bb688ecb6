/**
 * What this browser remembers between visits. Private windows and locked-down browsers refuse it or have none: then
 * everything works, and is forgotten with the tab.
 */

const PREFIX = 'pi-stream.';

export class Storage {
  /** @type {globalThis.Storage | null} */
  #shelf = null;
  /** @type {Map<string, string>} what was set in this tab, which alone counts where nothing can be kept */
  #here = new Map();

  constructor() {
    try {
      this.#shelf = globalThis.localStorage ?? null;
    } catch {
      // Reading the property alone throws where cookies are blocked: there is no shelf, and that is no fault.
    }
  }

  /**
   * What was kept under that name, if it is there and still what is expected.
   * @template T
   * @param {string} name
   * @param {(value: unknown) => value is T} expected
   * @param {T} otherwise
   * @returns {T}
   */
  get(name, expected, otherwise) {
    try {
      const text = this.#here.get(name) ?? this.#shelf?.getItem(PREFIX + name) ?? null;
      /** @type {unknown} */
      const value = text === null ? null : JSON.parse(text);
      return expected(value) ? value : otherwise;
    } catch {
      return otherwise; // refused, or written by something that is not this page
    }
  }

  /** Keep a value, as well as this browser lets us. @param {string} name @param {unknown} value */
  set(name, value) {
    const text = JSON.stringify(value);
    this.#here.set(name, text);
    try {
      this.#shelf?.setItem(PREFIX + name, text);
    } catch {
      // Full or refused: it is remembered in this tab, which is what a private window asks for.
    }
  }
}

/** @param {unknown} value @returns {value is string} */
export const isString = (value) => typeof value === 'string';

/** @param {unknown} value @returns {value is boolean} */
export const isBoolean = (value) => typeof value === 'boolean';
