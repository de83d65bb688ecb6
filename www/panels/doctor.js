/** The doctor's panel: what the service finds wrong with its camera and its machine, and what fixes it. */
import { find, make } from '../lib/dom.js';
import { paragraph } from '../lib/sentence.js';

const PATIENCE = 20_000; // milliseconds; the doctor itself gives up sooner

/** The worst first; what people are told of each. */
const LEVELS = /** @type {const} */ (['fault', 'warning', 'unknown', 'ok']);
const NAMES = { fault: 'Fault', warning: 'Warning', unknown: 'Not known', ok: 'All right' };

/**
 * @typedef {typeof LEVELS[number]} Level
 * @typedef {{ area: string, level: Level, what: string, fix: string | null }} Finding
 */

/** Those that need somebody, the worst first, and those that do not. @param {readonly Finding[]} findings */
export function sorted(findings) {
  const wrong = findings.filter(({ level }) => level !== 'ok');
  wrong.sort((one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level)); // equals stay in order
  return { wrong, right: findings.filter(({ level }) => level === 'ok') };
}

/** How many of each, in one line. @param {readonly Finding[]} findings */
export function summary(findings) {
  const count = /** @param {Level} level */ (level) => findings.filter((each) => each.level === level).length;
  const [faults, warnings, unknown] = [count('fault'), count('warning'), count('unknown')];
  const told = [];
  if (faults) told.push(faults === 1 ? '1 fault' : `${faults} faults`);
  if (warnings) told.push(warnings === 1 ? '1 warning' : `${warnings} warnings`);
  if (unknown) told.push(`${unknown} not known`);
  return told.length ? `${told.join(', ')}; the rest is as it should be.` : 'Everything is as it should be.';
}

export class DoctorPanel {
  #summary = find('doctor-summary', HTMLElement);
  #wrong = find('doctor-wrong', HTMLElement);
  #right = find('doctor-right', HTMLDetailsElement);
  #visible = false;
  #busy = false;
  #changed = false; // while it was being asked

  constructor() {
    find('doctor-again', HTMLButtonElement).addEventListener('click', () => void this.look());
  }

  /** Whether anybody can see the panel; who opens it wants to know how it is now. @param {boolean} visible */
  visible(visible) {
    const opened = visible && !this.#visible;
    this.#visible = visible;
    if (opened) void this.look();
  }

  /** Look again, if it is seen: something has changed. */
  changed() {
    this.#changed = this.#busy;
    if (this.#visible) void this.look();
  }

  /** Ask the service, and show what it says. */
  async look() {
    if (this.#busy) return;
    this.#busy = true; // and the button stays as it is: one that is switched off would lose the keyboard
    this.#say('Looking…');
    try {
      const answer = await fetch('api/doctor', { signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok) throw new Error(`it answers with status ${answer.status}`);
      /** @type {{ findings: Finding[] }} */
      const { findings } = await answer.json();
      this.#show(findings);
    } catch (error) {
      this.#say(`The service could not be asked: ${error instanceof Error ? error.message : error}`);
      this.#wrong.replaceChildren();
      this.#right.hidden = true;
    } finally {
      this.#busy = false;
    }
    if (!this.#changed) return;
    this.#changed = false;
    this.changed();
  }

  /** @param {Finding[]} findings */
  #show(findings) {
    const { wrong, right } = sorted(findings);
    this.#wrong.replaceChildren(...wrong.map(row));
    find('doctor-right-list', HTMLElement).replaceChildren(...right.map(row));
    find('doctor-right-title', HTMLElement).textContent =
      right.length === 1 ? '1 thing is as it should be' : `${right.length} things are as they should be`;
    this.#right.hidden = right.length === 0;
    this.#say(summary(findings));
  }

  /** @param {string} words */
  #say(words) {
    this.#summary.textContent = words;
  }
}

/** @param {Finding} finding */
function row({ area, level, what, fix }) {
  const made = make(
    'li',
    {},
    make('p', { className: 'area' }, make('b', {}, area), make('span', {}, NAMES[level])),
    paragraph('what', what),
    ...(fix ? [paragraph('fix', fix)] : []),
  );
  made.dataset.level = level;
  return made;
}
