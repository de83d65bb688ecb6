/**
 * Who is watching, and what this viewer is called.
 *
 * @import { Ok, Request, Viewer } from '../stream/protocol.js'
 * @import { Storage } from '../lib/storage.js'
 */
import { field, find, make } from '../lib/dom.js';
import { isString } from '../lib/storage.js';
import { name as nameMessage } from '../stream/protocol.js';
import { attempt } from './attempt.js';

const NAMELESS = 'Guest';

/** How a viewer is called on the page. @param {string} name */
export const called = (name) => name || NAMELESS;

export class Viewers {
  #list = find('viewers', HTMLUListElement);
  #form = find('name-form', HTMLFormElement);
  #input = field(this.#form, 'name', HTMLInputElement);
  #problem = find('name-problem', HTMLOutputElement);
  #ask;
  #name; // that was set; the field may have one that somebody is still writing
  /** This viewer's id, by which the server knows it until the connection ends. */
  you = '';

  /** @param {Storage} storage @param {(request: Request) => Promise<Ok>} ask */
  constructor(storage, ask) {
    this.#ask = ask;
    this.#name = storage.get('name', isString, '');
    this.#input.value = this.#name;
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = this.#input.value.trim();
      if (await attempt(this.#problem, () => ask(nameMessage(name)), this.#form.querySelector('button'))) {
        this.#name = name;
        storage.set('name', name);
      }
    });
  }

  /** A new connection: it knows neither this viewer's name nor its old id. @param {string} you @param {boolean} named whether it may have a name */
  welcome(you, named) {
    this.you = you;
    const name = this.#name;
    if (name && named) void attempt(this.#problem, () => this.#ask(nameMessage(name)));
  }

  /** @param {Viewer[]} viewers */
  show(viewers) {
    this.#list.replaceChildren(
      ...viewers.map(({ id, name }) => {
        const you = id === this.you;
        return make('li', { className: you ? 'you' : '' }, make('bdi', { dir: 'auto' }, called(name)), you ? ' (you)' : '');
      }),
    );
    find('viewers-title', HTMLElement).textContent = `Viewers: ${viewers.length}`;
  }
}
