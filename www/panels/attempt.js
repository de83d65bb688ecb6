/** What a form asks of the service, and what is shown of the answer. */
import { NotConnected } from '../stream/connection.js';

/**
 * Send what a form says while its button rests, and show near it what the server had against it. Nothing is sent a second
 * time while the first is on its way. The button is not disabled, for it would lose the keyboard.
 * @param {HTMLElement} shown where the words go
 * @param {() => Promise<unknown>} ask
 * @param {HTMLButtonElement | null} [button]
 * @returns {Promise<boolean>} whether it was done
 */
export async function attempt(shown, ask, button = null) {
  if (button?.ariaDisabled === 'true') return false;
  if (button) button.ariaDisabled = 'true';
  try {
    await ask();
    shown.textContent = '';
    shown.removeAttribute('data-lost');
    return true;
  } catch (error) {
    shown.textContent = error instanceof Error ? error.message : String(error);
    shown.toggleAttribute('data-lost', error instanceof NotConnected);
    return false;
  } finally {
    if (button) button.ariaDisabled = null;
  }
}

/** The connection is back: take away what said that there is none. */
export function forgetLost() {
  for (const shown of document.querySelectorAll('[data-lost]')) {
    shown.textContent = '';
    shown.removeAttribute('data-lost');
  }
}
