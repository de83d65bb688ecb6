/**
 * The captions on the picture, as a list in which each can be changed and deleted.
 *
 * @import { Caption, Ok, Request } from '../stream/protocol.js'
 */
import { find, make } from '../lib/dom.js';
import { duration } from '../lib/format.js';
import { deleteCaption } from '../stream/protocol.js';
import { attempt } from './attempt.js';

/** @typedef {{ caption: Caption, item: HTMLLIElement, stays: HTMLElement, until: number | null }} Shown until: if that is known */

export class Captions {
  #list = find('captions', HTMLUListElement);
  #none = find('captions-none', HTMLElement);
  #problem = find('captions-problem', HTMLOutputElement);
  #ask;
  #edit;
  #emptied;
  /** @type {Map<string, Shown>} */
  #shown = new Map();

  /**
   * @param {(request: Request) => Promise<Ok>} ask
   * @param {(caption: Caption) => void} edit
   * @param {() => void} emptied told when the keyboard was on the last one, which is gone
   */
  constructor(ask, edit, emptied) {
    this.#ask = ask;
    this.#edit = edit;
    this.#emptied = emptied;
    setInterval(() => this.#shown.forEach(count), 500);
  }

  /** @param {Caption[]} captions @param {boolean} [older] they may have been put long ago */
  show(captions, older = false) {
    const before = this.#shown;
    const ids = new Set(captions.map(({ id }) => id));
    // First, so that those that stay need not be moved: what is moved loses the keyboard.
    for (const [id, { item }] of before) if (!ids.has(id)) this.#remove(item);
    this.#shown = new Map();
    captions.forEach((caption, at) => {
      const known = before.get(caption.id);
      // What did not change is not made anew: somebody's keyboard may be on its button.
      const same = known && JSON.stringify(known.caption) === JSON.stringify(caption);
      const shown = same ? known : this.#make(caption, older);
      const { item } = shown;
      this.#shown.set(caption.id, shown);
      if (known && !same) replace(known.item, item);
      if (this.#list.children[at] !== item) this.#list.insertBefore(item, this.#list.children[at] ?? null);
    });
    this.#none.hidden = captions.length > 0;
  }

  /** @param {Caption} caption @param {boolean} older @returns {Shown} */
  #make(caption, older) {
    const text = make('p', { className: 'text', dir: 'auto' }, caption.text);
    const stays = make('span');
    const about = make('p', { className: 'about' }, make('bdi', {}, caption.by || 'somebody'), stays);
    const edit = make('button', { type: 'button', className: 'quiet' }, 'Edit');
    const remove = make('button', { type: 'button', className: 'quiet' }, 'Delete');
    const named = caption.text.slice(0, 60);
    edit.setAttribute('aria-label', `Edit ${named}`);
    remove.setAttribute('aria-label', `Delete ${named}`);
    edit.addEventListener('click', () => this.#edit(caption));
    remove.addEventListener('click', () => attempt(this.#problem, () => this.#ask(deleteCaption(caption.id)), remove));
    const item = make('li', {}, make('div', {}, text, about), make('div', { className: 'actions' }, edit, remove));
    item.dataset.id = caption.id;
    const until = caption.ttl === null || older ? null : performance.now() + caption.ttl * 1000;
    const shown = { caption, item, stays, until };
    count(shown);
    return shown;
  }

  // The keyboard, if it was there, goes to the neighbour, not to the top of the page.
  /** @param {HTMLLIElement} item */
  #remove(item) {
    const held = item.contains(document.activeElement);
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (!held) return;
    if (neighbour) neighbour.querySelector('button')?.focus();
    else this.#emptied();
  }
}

/**
 * Say how long it still stays. The service tells how long in all: of one that was there before this page, and of one that
 * was put again without any change, that is all that is known.
 * @param {Shown} shown
 */
function count({ caption: { ttl }, stays, until }) {
  const left = until === null ? 0 : (until - performance.now()) / 1000;
  const text = ttl === null ? '' : left > 0 ? ` · goes in ${duration(left)}` : ` · for ${duration(ttl)} in all`;
  if (stays.textContent !== text) stays.textContent = text;
}

/** The keyboard, if it was on a button of the old one, goes to the same of the new one. @param {HTMLLIElement} old @param {HTMLLIElement} item */
function replace(old, item) {
  const held = [...old.querySelectorAll('button')].findIndex((button) => button === document.activeElement);
  old.replaceWith(item);
  item.querySelectorAll('button')[held]?.focus();
}
