/**
 * Keeps the screen on while the page is seen, where somebody wants that: a tablet on a wall, for one. Browsers let only
 * pages do it that came by https, or from the machine itself; elsewhere it is not offered.
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
  #asking = false;

  /** @param {Storage} storage */
  constructor(storage) {
    const offered = 'wakeLock' in navigator;
    find('awake-choice', HTMLElement).hidden = !offered;
    if (!offered) return;
    this.#box.checked = storage.get('awake', isBoolean, false);
    this.#box.addEventListener('change', () => {
      storage.set('awake', this.#box.checked);
      void this.#follow();
    });
    document.addEventListener('visibilitychange', () => void this.#follow()); // a page that is not seen loses it
    void this.#follow();
  }

  /** Ask for what is wanted now, or give it back. */
  async #follow() {
    if (this.#asking) return; // and who asks looks again when the answer has come
    const wanted = this.#box.checked && !document.hidden;
    if (wanted === Boolean(this.#lock)) return;
    this.#asking = true;
    try {
      if (this.#lock) {
        await this.#lock.release();
        this.#lock = null;
      } else {
        this.#hold(await navigator.wakeLock.request('screen'));
      }
      this.#problem.textContent = '';
    } catch (error) {
      this.#problem.textContent = `The browser does not keep the screen on: ${error instanceof Error ? error.message : error}`;
      return; // until somebody wants it again, or comes back to the page
    } finally {
      this.#asking = false;
    }
    void this.#follow();
  }

  /** @param {WakeLockSentinel} lock */
  #hold(lock) {
    this.#lock = lock;
    lock.addEventListener('release', () => (this.#lock = null));
  }
}
