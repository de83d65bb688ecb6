/**
 * The drawer beside the picture (below it on a phone), where one panel at a time is open.
 *
 * @typedef {'captions' | 'chat' | 'settings' | 'doctor'} Name
 */
import { find, mayType } from '../lib/dom.js';

/** @type {readonly Name[]} */
const NAMES = ['captions', 'chat', 'settings', 'doctor'];

export class Panels {
  #drawer = find('drawer', HTMLElement);
  /** @type {Name | null} */
  #shown = null;
  #changed;

  /** @param {(open: Name | null) => void} changed told what is open from now on */
  constructor(changed) {
    this.#changed = changed;
    for (const name of NAMES) {
      this.#button(name).addEventListener('click', () => this.toggle(name));
      this.#panel(name).querySelector('.close')?.addEventListener('click', () => this.close());
    }
  }

  /** Which is open. */
  get shown() {
    return this.#shown;
  }

  /** Open it, or close it if it is open. @param {Name} name */
  toggle(name) {
    if (this.#shown === name) this.close();
    else this.open(name);
  }

  /** Open it, and put the keyboard into what it is for. @param {Name} name */
  open(name) {
    this.#show(name);
    const panel = this.#panel(name);
    const seen = /** @param {Element} each */ (each) => each.getClientRects().length > 0;
    const first = [...panel.querySelectorAll('[data-first]'), ...panel.querySelectorAll('button')].find(seen);
    if (first instanceof HTMLElement && mayType()) first.focus();
  }

  /** Close what is open, and give the keyboard back to the button that opened it. */
  close() {
    if (!this.#shown) return;
    const button = this.#button(this.#shown);
    const held = document.activeElement;
    this.#show(null);
    // What had the keyboard is gone: part of the panel, or the draft on the picture.
    if (held && held.getClientRects().length === 0) button.focus();
  }

  /** @param {Name | null} shown */
  #show(shown) {
    this.#shown = shown;
    this.#drawer.hidden = shown === null;
    for (const name of NAMES) {
      this.#panel(name).hidden = name !== shown;
      this.#button(name).setAttribute('aria-expanded', String(name === shown));
    }
    this.#changed(shown);
  }

  /** @param {Name} name */
  #button(name) {
    return find(`open-${name}`, HTMLButtonElement);
  }

  /** @param {Name} name */
  #panel(name) {
    return find(`panel-${name}`, HTMLElement);
  }
}
