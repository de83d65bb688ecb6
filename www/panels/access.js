/**
 * What this viewer may do, login and logout. styles/page.css hides what is not allowed; the server refuses it in any case.
 *
 * @import { Welcome } from '../stream/protocol.js'
 */
import { find } from '../lib/dom.js';
import { serviceUrl } from '../lib/service-url.js';

const TIMEOUT_MS = 5000;

/**
 * The values of the page's `data-may` and `data-login`: the highest right, and which of login and logout is offered.
 * @param {{ may?: string[], login?: boolean }} welcome an older server sends neither, and allows everything
 */
export function accessOf({ may = ['view', 'control'], login = false }) {
  const control = may.includes('control');
  return { may: control ? 'control' : 'view', login: !login ? '' : control ? 'out' : 'in' };
}

export class Access {
  /** Whether this viewer may change anything. */
  control = true;
  /** @type {Promise<boolean> | null} */
  #check = null;

  constructor() {
    // The other tabs of this browser at this service. Behind a proxy several services may share an origin.
    const tabs = new BroadcastChannel(`pi-stream.logout ${new URL(serviceUrl('')).pathname}`);
    tabs.addEventListener('message', () => location.reload());
    find('logout', HTMLButtonElement).addEventListener('click', async () => {
      const response = await fetch(serviceUrl('logout'), { method: 'POST', signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => null);
      if (response) tabs.postMessage('logged out');
      location.reload();
    });
  }

  /** @param {Welcome} welcome */
  welcome(welcome) {
    const { may, login } = accessOf(welcome);
    this.control = may === 'control';
    document.documentElement.dataset.may = may;
    document.documentElement.dataset.login = login;
  }

  /**
   * Find out why the connection was lost or refused, which a browser does not tell a page. Goes to the login page if a
   * login is needed, and reloads the page if the service redirects, as it does after a change to https.
   * @returns {Promise<boolean>} whether the service answers
   */
  check() {
    this.#check ??= this.#request().finally(() => (this.#check = null));
    return this.#check;
  }

  async #request() {
    try {
      const options = /** @type {const} */ ({ cache: 'no-store', redirect: 'manual' });
      const response = await fetch(serviceUrl('api/access'), { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (response.type === 'opaqueredirect') {
        location.reload();
        return true;
      }
      const { may } = await response.json();
      if (Array.isArray(may) && !may.includes('view')) location.replace(serviceUrl('login'));
      return response.ok;
    } catch {
      return false; // no answer; the connection is retried in any case
    }
  }
}
