/**
 * What this viewer may do, and the way to more. What may not be done is not offered, by style.css; the server refuses it
 * in any case.
 *
 * @import { Welcome } from '../stream/protocol.js'
 */
import { find } from '../lib/dom.js';

const PATIENCE = 5000;

/**
 * What the attributes of the page say: `may` is the widest right, `login` the way that is offered, in or out.
 * @param {{ may?: string[], login?: boolean }} welcome an older server has neither, and lets everybody do everything
 */
export function offers({ may = ['view', 'control'], login = false }) {
  const control = may.includes('control');
  return { may: control ? 'control' : 'view', login: !login ? '' : control ? 'out' : 'in' };
}

export class Access {
  /** Whether anything may be changed. */
  control = true;
  /** @type {Promise<boolean> | null} */
  #asking = null;

  constructor() {
    // The other tabs of this browser, at this camera: several may share an origin, behind a proxy.
    const tabs = new BroadcastChannel(`pi-stream.logout ${new URL('.', document.baseURI).pathname}`);
    tabs.addEventListener('message', () => location.reload());
    find('logout', HTMLButtonElement).addEventListener('click', async () => {
      const answer = await fetch('logout', { method: 'POST', signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
      if (answer) tabs.postMessage('logged out');
      location.reload();
    });
  }

  /** @param {Welcome} welcome */
  welcome(welcome) {
    const { may, login } = offers(welcome);
    this.control = may === 'control';
    document.documentElement.dataset.may = may;
    document.documentElement.dataset.login = login;
  }

  /**
   * The connection was lost or refused, and a browser does not say why: if a login is missing, go there; and if the
   * service leads elsewhere, as it does once it speaks https, follow it.
   * @returns {Promise<boolean>} whether it answers at all
   */
  lost() {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask() {
    try {
      const options = /** @type {const} */ ({ cache: 'no-store', redirect: 'manual' });
      const answer = await fetch('api/access', { ...options, signal: AbortSignal.timeout(PATIENCE) });
      if (answer.type === 'opaqueredirect') {
        location.reload();
        return true;
      }
      const { may } = await answer.json();
      if (Array.isArray(may) && !may.includes('view')) location.replace('login');
      return answer.ok;
    } catch {
      return false; // it was not the login, and the connection is tried again in any case
    }
  }
}
