/**
 * The chat.
 *
 * @import { Ok, Request, Said } from '../stream/protocol.js'
 */
import { field, find, make } from '../lib/dom.js';
import { say } from '../stream/protocol.js';
import { attempt } from './attempt.js';
import { displayName } from './viewers.js';

const MAX_MESSAGES = 200;
const AT_END_PX = 40;

export class Chat {
  #list = find('chat', HTMLOListElement);
  #form = find('chat-form', HTMLFormElement);
  #input = field(this.#form, 'text', HTMLInputElement);
  #unreadBadge = find('unread', HTMLElement);
  #unread = 0;
  #visible = false;

  /** @param {(request: Request) => Promise<Ok>} request */
  constructor(request) {
    const problem = find('chat-problem', HTMLOutputElement);
    this.#form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      this.#input.focus(); // now: the user may have moved on when the reply comes
      if (!text) return;
      const sent = await attempt(problem, () => request(say(text)), this.#form.querySelector('button'));
      // Text that was typed meanwhile stays.
      if (sent && this.#input.value.trim() === text) this.#input.value = '';
    });
  }

  /** Tell whether the panel is open. While it is closed, the badge counts new messages. @param {boolean} visible */
  setVisible(visible) {
    this.#visible = visible;
    if (!visible) return;
    this.#unread = 0;
    this.#showUnread();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Add a message. @param {Said} said @param {boolean} mine whether this viewer sent it */
  add({ name, text, at }, mine) {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX; // else the user is reading older ones
    const when = new Date(at);
    const time = Number.isNaN(when.getTime()) ? '' : when.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    list.append(
      make('li', { className: mine ? 'mine' : '' },
        make('p', { className: 'who' }, make('bdi', {}, mine ? 'You' : displayName(name)), ' ', make('time', { dateTime: at }, time)),
        make('p', { className: 'what', dir: 'auto' }, text)),
    );
    while (list.children.length > MAX_MESSAGES) list.firstElementChild?.remove();
    if (atEnd || mine) list.scrollTop = list.scrollHeight;
    if (!this.#visible) {
      this.#unread += 1;
      this.#showUnread();
    }
  }

  #showUnread() {
    this.#unreadBadge.hidden = this.#unread === 0;
    this.#unreadBadge.textContent = this.#unread > 99 ? '99+' : String(this.#unread);
    this.#unreadBadge.setAttribute('aria-label', `${this.#unread} unread`);
  }
}
