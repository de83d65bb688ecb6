/**
 * The bar: whether the picture is live, and if not why; and the numbers.
 *
 * @import { State } from '../stream/connection.js'
 * @import { Reading } from '../stream/meter.js'
 * @import { Source } from '../stream/protocol.js'
 */
import { find } from '../lib/dom.js';
import { bytesPerSecond, perSecond, whole } from '../lib/format.js';

export class Status {
  #words = find('status', HTMLElement);
  #countdown = find('countdown', HTMLElement);
  #notice = find('notice', HTMLElement);
  #noticeText = find('notice-text', HTMLElement);
  #tryNow = find('try-now', HTMLButtonElement);
  #askDoctor = find('ask-doctor', HTMLButtonElement);
  /** @type {State} */
  #state = { name: 'connecting' };
  /** @type {Source | null} null before any welcome */
  #source = null;
  #trouble = '';
  #lost = false; // there is no connection, and there was one, or it was tried before
  #refused = false; // the last try ended without a welcome
  #answers = false; // but the camera answers otherwise

  /** @param {() => void} tryNow @param {() => void} askDoctor */
  constructor(tryNow, askDoctor) {
    this.#tryNow.addEventListener('click', tryNow);
    this.#askDoctor.addEventListener('click', askDoctor);
    setInterval(() => this.#count(), 500);
    this.#show();
  }

  /** @param {State} state */
  connection(state) {
    if (state.name === 'waiting') this.#refused = this.#state.name === 'connecting';
    if (state.name === 'live') this.#answers = false;
    this.#lost = state.name === 'waiting' || (this.#lost && state.name !== 'live');
    this.#state = state;
    this.#trouble = '';
    this.#show();
  }

  /** Whether the camera answers to anything but the connection. @param {boolean} answers */
  answers(answers) {
    if (this.#state.name === 'live') return; // it was asked before
    this.#answers = answers;
    this.#show();
  }

  /** @param {Source} source */
  source(source) {
    this.#source = source;
    this.#show();
  }

  /** Why pictures come but cannot be shown; empty when they can. @param {string} trouble */
  trouble(trouble) {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#show();
  }

  /** @param {Reading} reading @param {number} droppedThere frames that the server dropped for this viewer */
  numbers(reading, droppedThere) {
    const dropped = reading.dropped + droppedThere;
    this.#number('fps', reading.fps, perSecond(reading.fps));
    this.#number('age', reading.age, whole(reading.age));
    this.#number('dropped', dropped, whole(dropped));
    this.#number('bytes', reading.bytesPerSecond, bytesPerSecond(reading.bytesPerSecond));
  }

  // The value is for whoever reads the page by program, in plain units; the text is for people.
  /** @param {string} id @param {number | null} value @param {string} text */
  #number(id, value, text) {
    const shown = find(id, HTMLDataElement);
    shown.value = value === null ? '' : String(value);
    if (shown.textContent !== text) shown.textContent = text;
  }

  #show() {
    const { mood, words, notice } = this.#told();
    document.documentElement.dataset.state = mood;
    if (this.#words.textContent !== words) this.#words.textContent = words; // spoken aloud only when it changes
    this.#noticeText.textContent = notice;
    this.#notice.hidden = !notice;
    this.#tryNow.hidden = !this.#lost; // also while it is tried: somebody's keyboard may be on it
    this.#askDoctor.hidden = this.#state.name !== 'live' || !this.#source || this.#source.online;
    this.#count();
  }

  /** @returns {{ mood: 'live' | 'away' | 'lost' | 'connecting', words: string, notice: string }} */
  #told() {
    if (this.#state.name === 'connecting') {
      return this.#source
        ? { mood: 'lost', words: 'Reconnecting…', notice: 'The connection was lost. Trying again…' }
        : { mood: 'connecting', words: 'Connecting…', notice: 'Connecting to the camera…' };
    }
    if (this.#state.name === 'waiting') {
      const what = this.#source ? 'The connection was lost' : 'The camera does not answer';
      let notice = this.#state.reason ? `${what}: ${this.#state.reason}` : `${what}.`;
      if (this.#refused && this.#answers) {
        notice = 'The camera answers, but does not take this page: perhaps too many are watching.';
      }
      return { mood: 'lost', words: 'Reconnecting…', notice };
    }
    if (this.#source && !this.#source.online) {
      return { mood: 'away', words: 'Camera offline', notice: this.#source.reason || 'The camera gives no picture now.' };
    }
    if (this.#trouble) return { mood: 'away', words: 'Cannot be shown', notice: this.#trouble };
    return { mood: 'live', words: 'Live', notice: '' };
  }

  // Beside the status, not in it: a screen reader need not count aloud.
  #count() {
    const state = this.#state;
    const left = state.name === 'waiting' ? Math.ceil((state.until - performance.now()) / 1000) : 0;
    const text = left > 0 ? `again in ${left} s` : '';
    if (this.#countdown.textContent !== text) this.#countdown.textContent = text;
  }
}
