/**
 * The list of captions on the picture. Each can be changed and deleted.
 *
 * @import { Caption, Ok, Request } from '../stream/protocol.js'
 */
import { find, make } from '../lib/dom.js';
import { duration } from '../lib/format.js';
import { deleteCaption } from '../stream/protocol.js';
import { attempt } from './attempt.js';

const MAX_LABEL_CHARACTERS = 60;
const COUNTDOWN_INTERVAL_MS = 500;

/**
 * One entry. `endsAt` (milliseconds of `performance.now()`) is null if it is not known.
 * @typedef {{ caption: Caption, item: HTMLLIElement, remaining: HTMLElement, endsAt: number | null }} Entry
 */

export class Captions {
  #list = find('captions', HTMLUListElement);
  #none = find('captions-none', HTMLElement);
  #problem = find('captions-problem', HTMLOutputElement);
  #request;
  #edit;
  #emptied;
  /** @type {Map<string, Entry>} */
  #entries = new Map();

  /**
   * @param {(request: Request) => Promise<Ok>} request
   * @param {(caption: Caption) => void} edit
   * @param {() => void} emptied called when the last entry was removed while it had the focus
   */
  constructor(request, edit, emptied) {
    this.#request = request;
    this.#edit = edit;
    this.#emptied = emptied;
    setInterval(() => this.#entries.forEach(showRemaining), COUNTDOWN_INTERVAL_MS);
  }

  /** @param {Caption[]} captions @param {boolean} [existing] whether they may be older than this connection */
  show(captions, existing = false) {
    const before = this.#entries;
    const ids = new Set(captions.map(({ id }) => id));
    // Removed first, so that the others need not be moved: an element that is moved loses the focus.
    for (const [id, { item }] of before) if (!ids.has(id)) this.#remove(item);
    this.#entries = new Map();
    captions.forEach((caption, at) => {
      const known = before.get(caption.id);
      // An entry that did not change is kept: one of its buttons may have the focus.
      const same = known && JSON.stringify(known.caption) === JSON.stringify(caption);
      const entry = same ? known : this.#make(caption, existing);
      const { item } = entry;
      this.#entries.set(caption.id, entry);
      if (known && !same) replace(known.item, item);
      if (this.#list.children[at] !== item) this.#list.insertBefore(item, this.#list.children[at] ?? null);
    });
    this.#none.hidden = captions.length > 0;
  }

  /** @param {Caption} caption @param {boolean} existing @returns {Entry} */
  #make(caption, existing) {
    const text = make('p', { className: 'text', dir: 'auto' }, caption.text);
    const remaining = make('span');
    const about = make('p', { className: 'about' }, make('bdi', {}, caption.by || 'No name'), remaining);
    const edit = make('button', { type: 'button', className: 'quiet' }, 'Edit');
    const remove = make('button', { type: 'button', className: 'quiet' }, 'Delete');
    const label = caption.text.slice(0, MAX_LABEL_CHARACTERS);
    edit.setAttribute('aria-label', `Edit ${label}`);
    remove.setAttribute('aria-label', `Delete ${label}`);
    edit.addEventListener('click', () => this.#edit(caption));
    remove.addEventListener('click', () => attempt(this.#problem, () => this.#request(deleteCaption(caption.id)), remove));
    const item = make('li', {}, make('div', {}, text, about), make('div', { className: 'actions' }, edit, remove));
    item.dataset.id = caption.id;
    const endsAt = caption.ttl === null || existing ? null : performance.now() + caption.ttl * 1000;
    const entry = { caption, item, remaining, endsAt };
    showRemaining(entry);
    return entry;
  }

  // If the entry has the focus, the next one gets it.
  /** @param {HTMLLIElement} item */
  #remove(item) {
    const focused = item.contains(document.activeElement);
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (!focused) return;
    if (neighbour) neighbour.querySelector('button')?.focus();
    else this.#emptied();
  }
}

/**
 * Show the remaining time. The service sends the ttl only. For a caption that is older than this connection, or that was
 * sent again unchanged, the remaining time is not known.
 * @param {Entry} entry
 */
function showRemaining({ caption: { ttl }, remaining, endsAt }) {
  const left = endsAt === null ? 0 : (endsAt - performance.now()) / 1000;
  const text = ttl === null ? '' : left > 0 ? ` · ${duration(left)} left` : ` · shown for ${duration(ttl)}`;
  if (remaining.textContent !== text) remaining.textContent = text;
}

/** Replace an entry. If one of its buttons has the focus, the same button of the new one gets it. @param {HTMLLIElement} old @param {HTMLLIElement} item */
function replace(old, item) {
  const focused = [...old.querySelectorAll('button')].findIndex((button) => button === document.activeElement);
  old.replaceWith(item);
  item.querySelectorAll('button')[focused]?.focus();
}
