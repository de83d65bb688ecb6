/**
 * The chat.
 *
 * @import { Ok, Request, Said } from '../stream/protocol.js'
 */
import { field, find, make } from '../lib/dom.js';
import { say } from '../stream/protocol.js';
import { attempt } from './attempt.js';
import { called } from './viewers.js';

const KEPT = 200;

export class Chat {
  #list = find('chat', HTMLOListElement);
  #form = find('chat-form', HTMLFormElement);
  #input = field(this.#form, 'text', HTMLInputElement);
  #unread = find('unread', HTMLElement);
  #missed = 0;
  #open = false;

  /** @param {(request: Request) => Promise<Ok>} ask */
  constructor(ask) {
    const problem = find('chat-problem', HTMLOutputElement);
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      this.#input.focus(); // now, for when the answer comes somebody may be elsewhere
      if (!text) return;
      const sent = await attempt(problem, () => ask(say(text)), this.#form.querySelector('button'));
      // What was typed while this one was on its way stays.
      if (sent && this.#input.value.trim() === text) this.#input.value = '';
    });
  }

  /** Whether the person can see it; what comes while they cannot is counted on the button. @param {boolean} open */
  visible(open) {
    this.#open = open;
    if (!open) return;
    this.#missed = 0;
    this.#count();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {Said} said @param {boolean} mine */
  add({ name, text, at }, mine) {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40; // else somebody is reading back
    const when = new Date(at);
    const told = Number.isNaN(when.getTime()) ? '' : when.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    list.append(
      make('li', { className: mine ? 'mine' : '' },
        make('p', { className: 'who' }, make('bdi', {}, mine ? 'You' : called(name)), ' ', make('time', { dateTime: at }, told)),
        make('p', { className: 'what', dir: 'auto' }, text)),
    );
    while (list.children.length > KEPT) list.firstElementChild?.remove();
    if (atEnd || mine) list.scrollTop = list.scrollHeight;
    if (!this.#open) {
      this.#missed += 1;
      this.#count();
    }
  }

  #count() {
    this.#unread.hidden = this.#missed === 0;
    this.#unread.textContent = this.#missed > 99 ? '99+' : String(this.#missed);
    this.#unread.setAttribute('aria-label', `${this.#missed} unread`);
  }
}
