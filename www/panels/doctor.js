/** The doctor's panel: the problems that the service finds with its camera and its machine, and their fixes. */
import { find, make } from '../lib/dom.js';
import { paragraph } from '../lib/sentence.js';
import { serviceUrl } from '../lib/service-url.js';

const TIMEOUT_MS = 20_000; // longer than the doctor's own limit

/** Most severe first. */
const LEVELS = /** @type {const} */ (['fault', 'warning', 'unknown', 'ok']);
const LEVEL_NAMES = { fault: 'Fault', warning: 'Warning', unknown: 'Unknown', ok: 'OK' };

/**
 * @typedef {typeof LEVELS[number]} Level
 * @typedef {{ area: string, level: Level, what: string, fix: string | null }} Finding
 */

/** The findings with a problem, most severe first, and those without. @param {readonly Finding[]} findings */
export function sorted(findings) {
  const problems = findings.filter(({ level }) => level !== 'ok');
  problems.sort((one, other) => LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level)); // a stable sort
  return { problems, passed: findings.filter(({ level }) => level === 'ok') };
}

/** The number of findings of each level, as a sentence. @param {readonly Finding[]} findings */
export function summary(findings) {
  const count = /** @param {Level} level */ (level) => findings.filter((each) => each.level === level).length;
  const [faults, warnings, unknown] = [count('fault'), count('warning'), count('unknown')];
  const parts = [];
  if (faults) parts.push(faults === 1 ? '1 fault' : `${faults} faults`);
  if (warnings) parts.push(warnings === 1 ? '1 warning' : `${warnings} warnings`);
  if (unknown) parts.push(`${unknown} unknown`);
  return parts.length ? `${parts.join(', ')}.` : 'No problems found.';
}

export class DoctorPanel {
  #summary = find('doctor-summary', HTMLElement);
  #problems = find('doctor-problems', HTMLElement);
  #passed = find('doctor-passed', HTMLDetailsElement);
  #visible = false;
  #busy = false;
  #runAgain = false; // something changed while it was running

  constructor() {
    find('doctor-again', HTMLButtonElement).addEventListener('click', () => void this.run());
  }

  /** Tell whether the panel is open. The doctor runs when it is opened. @param {boolean} visible */
  setVisible(visible) {
    const opened = visible && !this.#visible;
    this.#visible = visible;
    if (opened) void this.run();
  }

  /** The state of the camera changed: run again, if the panel is open. */
  changed() {
    this.#runAgain = this.#busy;
    if (this.#visible) void this.run();
  }

  /** Request a report and show it. */
  async run() {
    if (this.#busy) return;
    this.#busy = true; // the button is not disabled, because it would lose the focus
    this.#summary.textContent = 'Checking…';
    try {
      const response = await fetch(serviceUrl('api/doctor'), { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      /** @type {{ findings: Finding[] }} */
      const { findings } = await response.json();
      this.#show(findings);
    } catch (error) {
      this.#summary.textContent = `The doctor did not answer: ${error instanceof Error ? error.message : error}`;
      this.#problems.replaceChildren();
      this.#passed.hidden = true;
    } finally {
      this.#busy = false;
    }
    if (!this.#runAgain) return;
    this.#runAgain = false;
    this.changed();
  }

  /** @param {Finding[]} findings */
  #show(findings) {
    const { problems, passed } = sorted(findings);
    this.#problems.replaceChildren(...problems.map(row));
    find('doctor-passed-list', HTMLElement).replaceChildren(...passed.map(row));
    find('doctor-passed-title', HTMLElement).textContent = passed.length === 1 ? '1 check passed' : `${passed.length} checks passed`;
    this.#passed.hidden = passed.length === 0;
    this.#summary.textContent = summary(findings);
  }
}

/** @param {Finding} finding */
function row({ area, level, what, fix }) {
  const made = make(
    'li',
    {},
    make('p', { className: 'area' }, make('b', {}, area), make('span', {}, LEVEL_NAMES[level])),
    paragraph('what', what),
    ...(fix ? [paragraph('fix', fix)] : []),
  );
  made.dataset.level = level;
  return made;
}
