/** Sends what a form or button asks for, and shows the error near it. */
import { NotConnected } from '../stream/connection.js';

/**
 * Run a request and show its error. While it runs, the button takes no second press. The button is not disabled, because
 * it would lose the focus.
 * @param {HTMLElement} output where the error is shown
 * @param {() => Promise<unknown>} request
 * @param {HTMLButtonElement | null} [button]
 * @returns {Promise<boolean>} whether the request succeeded
 */
export async function attempt(output, request, button = null) {
  if (button?.ariaDisabled === 'true') return false;
  if (button) button.ariaDisabled = 'true';
  try {
    await request();
    output.textContent = '';
    output.removeAttribute('data-not-connected');
    return true;
  } catch (error) {
    output.textContent = error instanceof Error ? error.message : String(error);
    output.toggleAttribute('data-not-connected', error instanceof NotConnected);
    return false;
  } finally {
    if (button) button.ariaDisabled = null;
  }
}

/** Remove the errors that say that there is no connection. */
export function clearNotConnected() {
  for (const output of document.querySelectorAll('[data-not-connected]')) {
    output.textContent = '';
    output.removeAttribute('data-not-connected');
  }
}
