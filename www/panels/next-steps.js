/**
 * The next steps: a line above the picture that lists what is left to set up on a new camera. A step that was dismissed
 * in this browser is not shown in it again.
 *
 * @import { Storage } from '../lib/storage.js'
 */
import { find, make } from '../lib/dom.js';
import { paragraph } from '../lib/sentence.js';
import { serviceUrl } from '../lib/service-url.js';

const TIMEOUT_MS = 10_000;
const INTERVAL_MS = 30_000; // while there are steps, which somebody may be doing now
const STORAGE_NAME = 'dismissed-steps';
const MAX_DISMISSED = 50;

/**
 * @typedef {{ id: string, title: string, what: string, how: string }} Step
 */

/** The steps that are not dismissed. @param {readonly Step[]} steps @param {readonly string[]} dismissed their ids */
export const remaining = (steps, dismissed) => steps.filter(({ id }) => !dismissed.includes(id));

/** All steps in one line. @param {readonly Step[]} steps */
export const headline = (steps) => steps.map(({ title }) => title).join(', ');

/** @param {unknown} value @returns {value is string[]} */
const isStrings = (value) => Array.isArray(value) && value.every((each) => typeof each === 'string');

export class NextSteps {
  #element = find('next', HTMLElement);
  #storage;
  #openDoctor;
  /** @type {readonly Step[]} */
  #shown = [];
  #allowed = false;
  #timer = 0;

  /** @param {Storage} storage @param {() => void} openDoctor */
  constructor(storage, openDoctor) {
    this.#storage = storage;
    this.#openDoctor = openDoctor;
    find('next-dismiss', HTMLButtonElement).addEventListener('click', () => this.#dismiss(this.#shown));
  }

  /** The service is connected. @param {boolean} control whether this viewer may change anything; else nothing is shown */
  welcome(control) {
    this.#allowed = control;
    void this.update();
  }

  /** Request the steps and show them. */
  async update() {
    clearTimeout(this.#timer);
    if (!this.#allowed) {
      this.#show([]);
      return;
    }
    try {
      const response = await fetch(serviceUrl('api/next'), { signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' });
      if (!response.ok) return; // an older service, or a login that has ended, which the connection finds out
      /** @type {{ steps: Step[] }} */
      const { steps } = await response.json();
      this.#show(remaining(steps, this.#storage.get(STORAGE_NAME, isStrings, [])));
    } catch {
      return; // no answer; requested again with the next welcome
    }
    if (this.#shown.length) this.#timer = setTimeout(() => void this.update(), INTERVAL_MS);
  }

  /** @param {readonly Step[]} steps */
  #show(steps) {
    if (JSON.stringify(steps) === JSON.stringify(this.#shown)) return; // the user may be reading them
    this.#shown = steps;
    this.#element.hidden = steps.length === 0;
    find('next-headline', HTMLElement).textContent = headline(steps);
    find('next-list', HTMLElement).replaceChildren(...steps.map((step) => this.#row(step)));
  }

  /** @param {Step} step */
  #row(step) {
    const { id, title, what, how } = step;
    const dismiss = make('button', { type: 'button', className: 'quiet' }, 'Dismiss');
    dismiss.setAttribute('aria-label', `Dismiss: ${title}`);
    dismiss.addEventListener('click', () => this.#dismiss([step]));
    const buttons = make('p', { className: 'actions' }, dismiss);
    if (id === 'camera') {
      const doctor = make('button', { type: 'button', className: 'quiet' }, 'Run doctor');
      doctor.addEventListener('click', () => this.#openDoctor());
      buttons.prepend(doctor);
    }
    return make('li', {}, make('h3', {}, title), paragraph('what', what), paragraph('how', how), buttons);
  }

  /** @param {readonly Step[]} steps */
  #dismiss(steps) {
    const before = this.#storage.get(STORAGE_NAME, isStrings, []);
    const now = new Set([...before, ...steps.map(({ id }) => id)]);
    this.#storage.set(STORAGE_NAME, [...now].slice(-MAX_DISMISSED));
    this.#show(remaining(this.#shown, [...now]));
    // The button that had the focus is removed, perhaps with the whole line.
    find(this.#shown.length ? 'next-summary' : 'open-captions', HTMLElement).focus();
  }
}
