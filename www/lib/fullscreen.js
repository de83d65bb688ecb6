/** Full screen. The bars are hidden while there is no input. */
import { find } from './dom.js';

const HIDE_BARS_AFTER_MS = 2500;

export class Fullscreen {
  #button = find('fullscreen', HTMLButtonElement);
  #root = document.documentElement;
  #timer = 0;
  #barsWereHidden = false; // when the current press began

  constructor() {
    this.#button.hidden = !document.fullscreenEnabled; // Safari on the iPhone has no full screen for pages
    this.#button.addEventListener('click', () => this.toggle());
    document.addEventListener('fullscreenchange', () => {
      this.#button.setAttribute('aria-pressed', String(Boolean(document.fullscreenElement)));
      this.#showBars();
    });
    // A tap while the bars are hidden only shows them: by the time of its click a button would be under the finger.
    const options = { capture: true };
    document.addEventListener('pointerdown', () => (this.#barsWereHidden = 'idle' in this.#root.dataset), options);
    document.addEventListener('click', (event) => this.#ignoreFirstTap(event), options);
    for (const input of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
      document.addEventListener(input, () => this.#showBars(), { passive: true });
    }
  }

  /** Enter full screen, or leave it. */
  async toggle() {
    if (!document.fullscreenEnabled) return;
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await this.#root.requestFullscreen({ navigationUI: 'hide' });
    } catch {
      // The browser refused, for example because the user pressed Escape meanwhile. The button shows the actual state.
    }
  }

  /** @param {MouseEvent} event */
  #ignoreFirstTap(event) {
    const byPointer = event.detail > 0; // not by a key or by a script
    if (!byPointer || !this.#barsWereHidden || !(event.target instanceof Element) || !event.target.closest('.tools')) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #showBars() {
    delete this.#root.dataset.idle;
    clearTimeout(this.#timer);
    if (document.fullscreenElement) this.#timer = setTimeout(() => (this.#root.dataset.idle = ''), HIDE_BARS_AFTER_MS);
  }
}
