/** The whole screen for the picture. In it the bars step aside while nobody moves. */
import { find } from './dom.js';

const RESTLESS = 2500;

export class Fullscreen {
  #button = find('fullscreen', HTMLButtonElement);
  #root = document.documentElement;
  #rest = 0;
  #roused = false; // by the press that is under way

  constructor() {
    this.#button.hidden = !document.fullscreenEnabled; // iPhones have none for a page
    this.#button.addEventListener('click', () => this.toggle());
    document.addEventListener('fullscreenchange', () => {
      this.#button.setAttribute('aria-pressed', String(Boolean(document.fullscreenElement)));
      this.#wake();
    });
    // A tap on tools that cannot be seen brings them back, and no more: by the time of its click they would be there.
    const options = { capture: true };
    document.addEventListener('pointerdown', () => (this.#roused = 'still' in this.#root.dataset), options);
    document.addEventListener('click', (event) => this.#swallow(event), options);
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

  /** @param {MouseEvent} event */
  #swallow(event) {
    const pressed = event.detail > 0; // by a finger or a mouse, not by a key or by the page
    if (!pressed || !this.#roused || !(event.target instanceof Element) || !event.target.closest('.tools')) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #wake() {
    delete this.#root.dataset.still;
    clearTimeout(this.#rest);
    if (document.fullscreenElement) this.#rest = setTimeout(() => (this.#root.dataset.still = ''), RESTLESS);
  }
}
