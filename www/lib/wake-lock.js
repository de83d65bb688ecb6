/**
 * Keeps the screen on while the page is visible, if the user wants it, for example on a tablet on a wall. Browsers allow
 * this only in a secure context (https or localhost); elsewhere the choice is hidden.
 *
 * @import { Storage } from './storage.js'
 */
import { find } from './dom.js';
import { isBoolean } from './storage.js';

export class WakeLock {
  #box = find('awake', HTMLInputElement);
  #problem = find('awake-problem', HTMLOutputElement);
  /** @type {WakeLockSentinel | null} */
  #lock = null;
  #busy = false;

  /** @param {Storage} storage */
  constructor(storage) {
    const available = 'wakeLock' in navigator;
    find('awake-choice', HTMLElement).hidden = !available;
    if (!available) return;
    this.#box.checked = storage.get('awake', isBoolean, false);
    this.#box.addEventListener('change', () => {
      storage.set('awake', this.#box.checked);
      void this.#update();
    });
    document.addEventListener('visibilitychange', () => void this.#update()); // the browser releases it in a hidden page
    void this.#update();
  }

  /** Request the lock, or release it, as the check box says. */
  async #update() {
    if (this.#busy) return; // the call that is running checks again when it is done
    const wanted = this.#box.checked && !document.hidden;
    if (wanted === Boolean(this.#lock)) return;
    this.#busy = true;
    try {
      if (this.#lock) {
        await this.#lock.release();
        this.#lock = null;
      } else {
        this.#hold(await navigator.wakeLock.request('screen'));
      }
      this.#problem.textContent = '';
    } catch (error) {
      this.#problem.textContent = `The browser cannot keep the screen on: ${error instanceof Error ? error.message : error}`;
      return; // tried again when the box changes or the page becomes visible
    } finally {
      this.#busy = false;
    }
    void this.#update();
  }

  /** @param {WakeLockSentinel} lock */
  #hold(lock) {
    this.#lock = lock;
    lock.addEventListener('release', () => (this.#lock = null));
  }
}
