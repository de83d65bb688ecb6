/** The whole screen for the picture. In it the bars step aside while nobody moves. */
import { find } from './dom.js';

const RESTLESS = 2500;

export class Fullscreen {
  #button = find('fullscreen', HTMLButtonElement);
  #root = document.documentElement;
  #rest = 0;

  constructor() {
    this.#button.hidden = !document.fullscreenEnabled; // iPhones have none for a page
    this.#button.addEventListener('click', () => this.toggle());
    document.addEventListener('fullscreenchange', () => {
      this.#button.setAttribute('aria-pressed', String(Boolean(document.fullscreenElement)));
      this.#wake();
    });
    for (const sign of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
      document.addEventListener(sign, () => this.#wake(), { passive: true });
    }
  }

  /** Into full screen, or out of it. */
  async toggle() {
    if (!document.fullscreenEnabled) return;
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await this.#root.requestFullscreen({ navigationUI: 'hide' });
    } catch {
      // The browser said no (a press of its own came between): the page simply stays as it is, and the button says so.
    }
  }

  #wake() {
    delete this.#root.dataset.still;
    clearTimeout(this.#rest);
    if (document.fullscreenElement) this.#rest = setTimeout(() => (this.#root.dataset.still = ''), RESTLESS);
  }
}
