/**
 * Links to the picture, for other pages and programs. A press copies one, where the browser lets pages do that: those that
 * came by https, or from the machine itself. Elsewhere they are links all the same.
 */
import { find } from '../lib/dom.js';

export class Links {
  #said = find('links-said', HTMLOutputElement);

  constructor() {
    for (const button of find('links', HTMLElement).querySelectorAll('button')) {
      const link = button.closest('li')?.querySelector('a');
      if (!link) throw new Error('index.html has a button without a link in #links');
      button.hidden = !navigator.clipboard;
      button.addEventListener('click', () => void this.#copy(link));
    }
  }

  /** @param {HTMLAnchorElement} link */
  async #copy(link) {
    try {
      await navigator.clipboard.writeText(link.href);
      this.#said.textContent = `Copied: ${link.href}`;
    } catch (error) {
      this.#said.textContent = `The browser does not copy it: ${error instanceof Error ? error.message : error}`;
    }
  }
}
