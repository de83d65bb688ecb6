/**
 * Links to the picture for other pages and programs. A button copies one, if the browser allows it: only in a secure
 * context (https or localhost).
 */
import { find } from '../lib/dom.js';

export class Links {
  #result = find('links-result', HTMLOutputElement);

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
      this.#result.textContent = `Copied: ${link.href}`;
    } catch (error) {
      this.#result.textContent = `The browser could not copy the link: ${error instanceof Error ? error.message : error}`;
    }
  }
}
