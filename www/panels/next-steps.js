/**
 * The strip above the picture of a new camera: what somebody has still to do, and how. What was put away in this browser
 * does not come back in it.
 *
 * @import { Storage } from '../lib/storage.js'
 */
import { find, make } from '../lib/dom.js';
import { paragraph } from '../lib/sentence.js';

const PATIENCE = 10_000; // milliseconds
const LOOK_AGAIN = 30_000; // while there is something to do, which somebody may be doing just now
const PUT_AWAY = 'put-away'; // under which name of the storage
const MOST = 50; // steps that are remembered as put away

/**
 * @typedef {{ id: string, title: string, what: string, how: string }} Step
 */

/** Those that were not put away. @param {readonly Step[]} steps @param {readonly string[]} putAway their ids */
export const remaining = (steps, putAway) => steps.filter(({ id }) => !putAway.includes(id));

/** What there is to do, in one line. @param {readonly Step[]} steps */
export const headline = (steps) => steps.map(({ title }) => title).join(', ');

/** @param {unknown} value @returns {value is string[]} */
const isNames = (value) => Array.isArray(value) && value.every((each) => typeof each === 'string');

export class NextSteps {
  #strip = find('next', HTMLElement);
  #storage;
  #askDoctor;
  /** @type {readonly Step[]} */
  #shown = [];
  #allowed = false;
  #timer = 0;

  /** @param {Storage} storage @param {() => void} askDoctor */
  constructor(storage, askDoctor) {
    this.#storage = storage;
    this.#askDoctor = askDoctor;
    find('next-away', HTMLButtonElement).addEventListener('click', () => this.#putAway(this.#shown));
  }

  /** The service is there, or is there again. @param {boolean} control whether this viewer may change anything */
  welcome(control) {
    this.#allowed = control;
    void this.look();
  }

  /** Ask what there is to do, and show it. */
  async look() {
    clearTimeout(this.#timer);
    if (!this.#allowed) {
      this.#show([]);
      return;
    }
    try {
      const answer = await fetch('api/next', { signal: AbortSignal.timeout(PATIENCE), cache: 'no-store' });
      if (!answer.ok) return; // an older service does not know, and a login that has ended is told elsewhere
      /** @type {{ steps: Step[] }} */
      const { steps } = await answer.json();
      this.#show(remaining(steps, this.#storage.get(PUT_AWAY, isNames, [])));
    } catch {
      return; // nobody answers, as the bar says; the next welcome asks again
    }
    if (this.#shown.length) this.#timer = setTimeout(() => void this.look(), LOOK_AGAIN);
  }

  /** @param {readonly Step[]} steps */
  #show(steps) {
    if (JSON.stringify(steps) === JSON.stringify(this.#shown)) return; // it may be open, and somebody reading
    this.#shown = steps;
    this.#strip.hidden = steps.length === 0;
    find('next-headline', HTMLElement).textContent = headline(steps);
    find('next-list', HTMLElement).replaceChildren(...steps.map((step) => this.#row(step)));
  }

  /** @param {Step} step */
  #row(step) {
    const { id, title, what, how } = step;
    const away = make('button', { type: 'button', className: 'quiet' }, 'Do not show again');
    away.setAttribute('aria-label', `Do not show again: ${title}`);
    away.addEventListener('click', () => this.#putAway([step]));
    const buttons = make('p', { className: 'actions' }, away);
    if (id === 'camera') {
      const doctor = make('button', { type: 'button', className: 'quiet' }, 'Ask the doctor');
      doctor.addEventListener('click', () => this.#askDoctor());
      buttons.prepend(doctor);
    }
    return make('li', {}, make('h3', {}, title), paragraph('what', what), paragraph('how', how), buttons);
  }

  /** @param {readonly Step[]} steps */
  #putAway(steps) {
    const before = this.#storage.get(PUT_AWAY, isNames, []);
    const now = new Set([...before, ...steps.map(({ id }) => id)]);
    this.#storage.set(PUT_AWAY, [...now].slice(-MOST));
    this.#show(remaining(this.#shown, [...now]));
    // The button that had the keyboard is gone, and perhaps the whole strip.
    find(this.#shown.length ? 'next-summary' : 'open-captions', HTMLElement).focus();
  }
}
