/**
 * The drawer beside the picture (below it on a phone). One panel at a time is open.
 *
 * @typedef {'captions' | 'chat' | 'settings' | 'doctor'} Name
 */
import { find, mayFocusText } from '../lib/dom.js';

/** @type {readonly Name[]} */
const NAMES = ['captions', 'chat', 'settings', 'doctor'];

export class Panels {
  #drawer = find('drawer', HTMLElement);
  /** @type {Name | null} */
  #opened = null;
  #changed;

  /** @param {(opened: Name | null) => void} changed called when another panel, or none, is open */
  constructor(changed) {
    this.#changed = changed;
    for (const name of NAMES) {
      this.#button(name).addEventListener('click', () => this.toggle(name));
      this.#panel(name).querySelector('.close')?.addEventListener('click', () => this.close());
    }
  }

  /** The panel that is open. */
  get opened() {
    return this.#opened;
  }

  /** Open a panel, or close it if it is open. @param {Name} name */
  toggle(name) {
    if (this.#opened === name) this.close();
    else this.open(name);
  }

  /** Open a panel and focus its first field, except on a phone. @param {Name} name */
  open(name) {
    this.#show(name);
    const panel = this.#panel(name);
    const visible = /** @param {Element} element */ (element) => element.getClientRects().length > 0;
    const first = [...panel.querySelectorAll('[data-first]'), ...panel.querySelectorAll('button')].find(visible);
    if (first instanceof HTMLElement && mayFocusText()) first.focus();
  }

  /** Close the open panel. If it had the focus, the button that opens it gets it. */
  close() {
    if (!this.#opened) return;
    const button = this.#button(this.#opened);
    const focused = document.activeElement;
    this.#show(null);
    // The element that had the focus is hidden: it is part of the panel, or the preview on the picture.
    if (focused && focused.getClientRects().length === 0) button.focus();
  }

  /** @param {Name | null} opened */
  #show(opened) {
    this.#opened = opened;
    this.#drawer.hidden = opened === null;
    for (const name of NAMES) {
      this.#panel(name).hidden = name !== opened;
      this.#button(name).setAttribute('aria-expanded', String(name === opened));
    }
    this.#changed(opened);
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
