/**
 * The status in the bar, the notice on the picture if there is none, and the numbers.
 *
 * @import { State } from '../stream/connection.js'
 * @import { Reading } from '../stream/meter.js'
 * @import { Source } from '../stream/protocol.js'
 */
import { find } from '../lib/dom.js';
import { bytesPerSecond, perSecond, whole } from '../lib/format.js';

const COUNTDOWN_INTERVAL_MS = 500;

export class Status {
  #text = find('status', HTMLElement);
  #countdown = find('countdown', HTMLElement);
  #notice = find('notice', HTMLElement);
  #noticeText = find('notice-text', HTMLElement);
  #tryNow = find('try-now', HTMLButtonElement);
  #runDoctor = find('run-doctor', HTMLButtonElement);
  /** @type {State} */
  #state = { name: 'connecting' };
  /** @type {Source | null} null before the first welcome */
  #source = null;
  #problem = '';
  #lost = false; // not connected, and an attempt has failed or a connection was lost
  #refused = false; // the last attempt ended without a welcome
  #refusal = ''; // why, if the service answers HTTP requests

  /** @param {() => void} tryNow @param {() => void} runDoctor */
  constructor(tryNow, runDoctor) {
    this.#tryNow.addEventListener('click', tryNow);
    this.#runDoctor.addEventListener('click', runDoctor);
    setInterval(() => this.#showCountdown(), COUNTDOWN_INTERVAL_MS);
    this.#show();
  }

  /** @param {State} state of the connection */
  setConnection(state) {
    if (state.name === 'waiting') this.#refused = this.#state.name === 'connecting';
    if (state.name === 'live') this.#refusal = '';
    this.#lost = state.name === 'waiting' || (this.#lost && state.name !== 'live');
    this.#state = state;
    this.#problem = '';
    this.#show();
  }

  /** Tell why the service refuses the connection; '' if it does not answer at all. @param {string} refusal */
  setRefusal(refusal) {
    if (this.#state.name === 'live') return; // this is outdated
    this.#refusal = refusal;
    this.#show();
  }

  /** @param {Source} source */
  setSource(source) {
    this.#source = source;
    this.#show();
  }

  /** Tell why frames cannot be shown; '' if they can. @param {string} problem */
  setProblem(problem) {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#show();
  }

  /** @param {Reading} reading @param {number} droppedByServer frames that the server dropped for this viewer */
  showNumbers(reading, droppedByServer) {
    const dropped = reading.dropped + droppedByServer;
    this.#showNumber('fps', reading.fps, perSecond(reading.fps));
    this.#showNumber('age', reading.age, whole(reading.age));
    this.#showNumber('dropped', dropped, whole(dropped));
    this.#showNumber('bytes', reading.bytesPerSecond, bytesPerSecond(reading.bytesPerSecond));
  }

  // The value attribute, without unit prefixes, is for programs that read the page.
  /** @param {string} id @param {number | null} value @param {string} text */
  #showNumber(id, value, text) {
    const element = find(id, HTMLDataElement);
    element.value = value === null ? '' : String(value);
    if (element.textContent !== text) element.textContent = text;
  }

  #show() {
    const { state, text, notice } = this.#describe();
    document.documentElement.dataset.state = state;
    if (this.#text.textContent !== text) this.#text.textContent = text; // a screen reader speaks each change
    this.#noticeText.textContent = notice;
    this.#notice.hidden = !notice;
    this.#tryNow.hidden = !this.#lost; // shown during an attempt too, because it may have the focus
    this.#runDoctor.hidden = this.#state.name !== 'live' || !this.#source || this.#source.online;
    this.#showCountdown();
  }

  /** @returns {{ state: 'live' | 'offline' | 'lost' | 'connecting', text: string, notice: string }} */
  #describe() {
    if (this.#state.name === 'connecting') {
      return this.#source
        ? { state: 'lost', text: 'Reconnecting…', notice: 'The connection was lost. Reconnecting…' }
        : { state: 'connecting', text: 'Connecting…', notice: 'Connecting to the camera…' };
    }
    if (this.#state.name === 'waiting') {
      const what = this.#source ? 'The connection was lost' : 'The camera does not answer';
      const notice = this.#state.reason ? `${what}: ${this.#state.reason}` : `${what}.`;
      return { state: 'lost', text: 'Reconnecting…', notice: (this.#refused && this.#refusal) || notice };
    }
    if (this.#source && !this.#source.online) {
      return { state: 'offline', text: 'Camera offline', notice: this.#source.reason || 'The camera sends no frames.' };
    }
    if (this.#problem) return { state: 'offline', text: 'Cannot be shown', notice: this.#problem };
    return { state: 'live', text: 'Live', notice: '' };
  }

  // It is outside of the status element, so that a screen reader does not speak each second.
  #showCountdown() {
    const state = this.#state;
    const left = state.name === 'waiting' ? Math.ceil((state.until - performance.now()) / 1000) : 0;
    const text = left > 0 ? `next try in ${left} s` : '';
    if (this.#countdown.textContent !== text) this.#countdown.textContent = text;
  }
}
