/**
 * The captions on the picture, as a list in which each can be changed and deleted.
 *
 * @import { Caption, Ok, Request } from './protocol.js'
 */
import { attempt, find, make } from './dom.js';
import { deleteCaption } from './protocol.js';

export class Captions {
  #list = find('captions', HTMLUListElement);
  #none = find('captions-none', HTMLElement);
  #problem = find('captions-problem', HTMLOutputElement);
  #ask;
  #edit;
  #emptied;
  /** @type {Map<string, { caption: Caption, item: HTMLLIElement }>} */
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
  }

  /** @param {Caption[]} captions */
  show(captions) {
    const before = this.#shown;
    const ids = new Set(captions.map(({ id }) => id));
    // First, so that those that stay need not be moved: what is moved loses the keyboard.
    for (const [id, { item }] of before) if (!ids.has(id)) this.#remove(item);
    this.#shown = new Map();
    captions.forEach((caption, at) => {
      const known = before.get(caption.id);
      // What did not change is not made anew: somebody's keyboard may be on its button.
      const same = known && JSON.stringify(known.caption) === JSON.stringify(caption);
      const item = same ? known.item : this.#item(caption);
      this.#shown.set(caption.id, { caption, item });
      if (known && !same) replace(known.item, item);
      if (this.#list.children[at] !== item) this.#list.insertBefore(item, this.#list.children[at] ?? null);
    });
    this.#none.hidden = captions.length > 0;
  }

  /** @param {Caption} caption */
  #item(caption) {
    const text = make('p', { className: 'text', dir: 'auto' }, caption.text);
    const stays = caption.ttl === null ? '' : ` · for ${Math.ceil(caption.ttl)} s`;
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
    return item;
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

/** The keyboard, if it was on a button of the old one, goes to the same of the new one. @param {HTMLLIElement} old @param {HTMLLIElement} item */
function replace(old, item) {
  const held = [...old.querySelectorAll('button')].findIndex((button) => button === document.activeElement);
  old.replaceWith(item);
  item.querySelectorAll('button')[held]?.focus();
}
