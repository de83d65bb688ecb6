/**
 * Values that this browser keeps between visits. If localStorage is blocked, as it can be in private windows, they are
 * kept until the tab is closed.
 */

const PREFIX = 'pi-stream.';

export class Storage {
  /** @type {globalThis.Storage | null} */
  #local = null;
  /** @type {Map<string, string>} values set in this tab; the only ones if localStorage is blocked */
  #tab = new Map();

  constructor() {
    try {
      this.#local = globalThis.localStorage ?? null;
    } catch {
      // If cookies are blocked, reading the property throws.
    }
  }

  /**
   * The value with this name, or the default if there is none or it has another type.
   * @template T
   * @param {string} name
   * @param {(value: unknown) => value is T} expected
   * @param {T} otherwise the default
   * @returns {T}
   */
  get(name, expected, otherwise) {
    try {
      const text = this.#tab.get(name) ?? this.#local?.getItem(PREFIX + name) ?? null;
      /** @type {unknown} */
      const value = text === null ? null : JSON.parse(text);
      return expected(value) ? value : otherwise;
    } catch {
      return otherwise; // blocked, or written by another program
    }
  }

  /** Keep a value. @param {string} name @param {unknown} value */
  set(name, value) {
    const text = JSON.stringify(value);
    this.#tab.set(name, text);
    try {
      this.#local?.setItem(PREFIX + name, text);
    } catch {
      // Full or blocked: the value is kept in this tab.
    }
  }
}

/** @param {unknown} value @returns {value is string} */
export const isString = (value) => typeof value === 'string';

/** @param {unknown} value @returns {value is boolean} */
export const isBoolean = (value) => typeof value === 'boolean';
