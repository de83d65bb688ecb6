/**
 * The list of viewers, and the name of this one.
 *
 * @import { Ok, Request, Viewer } from '../stream/protocol.js'
 * @import { Storage } from '../lib/storage.js'
 */
import { field, find, make } from '../lib/dom.js';
import { isString } from '../lib/storage.js';
import { name as nameMessage } from '../stream/protocol.js';
import { attempt } from './attempt.js';

const DEFAULT_NAME = 'Guest';

/** The name that the page shows for a viewer. @param {string} name may be empty */
export const displayName = (name) => name || DEFAULT_NAME;

export class Viewers {
  #list = find('viewers', HTMLUListElement);
  #form = find('name-form', HTMLFormElement);
  #input = field(this.#form, 'name', HTMLInputElement);
  #problem = find('name-problem', HTMLOutputElement);
  #request;
  #name; // as the service has it; the field may have one that is not submitted yet
  /** This viewer's id. It is valid until the connection ends. */
  you = '';

  /** @param {Storage} storage @param {(request: Request) => Promise<Ok>} request */
  constructor(storage, request) {
    this.#request = request;
    this.#name = storage.get('name', isString, '');
    this.#input.value = this.#name;
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = this.#input.value.trim();
      if (await attempt(this.#problem, () => request(nameMessage(name)), this.#form.querySelector('button'))) {
        this.#name = name;
        storage.set('name', name);
      }
    });
  }

  /** A new connection has a new id and no name. @param {string} you this viewer's id @param {boolean} mayHaveName */
  welcome(you, mayHaveName) {
    this.you = you;
    const name = this.#name;
    if (name && mayHaveName) void attempt(this.#problem, () => this.#request(nameMessage(name)));
  }

  /** @param {Viewer[]} viewers */
  show(viewers) {
    this.#list.replaceChildren(
      ...viewers.map(({ id, name }) => {
        const you = id === this.you;
        return make('li', { className: you ? 'you' : '' }, make('bdi', { dir: 'auto' }, displayName(name)), you ? ' (you)' : '');
      }),
    );
    find('viewers-title', HTMLElement).textContent = `Viewers: ${viewers.length}`;
  }
}
