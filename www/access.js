/**
 * What this viewer may do, and the way to more. What may not be done is not offered, by style.css; the server refuses it
 * in any case.
 *
 * @import { Welcome } from './protocol.js'
 */
import { find } from './dom.js';

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
  #asking = false;

  constructor() {
    find('logout', HTMLButtonElement).addEventListener('click', async () => {
      await fetch('logout', { method: 'POST', signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
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
   */
  async lost() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const options = /** @type {const} */ ({ cache: 'no-store', redirect: 'manual' });
      const answer = await fetch('api/access', { ...options, signal: AbortSignal.timeout(PATIENCE) });
      if (answer.type === 'opaqueredirect') {
        location.reload();
        return;
      }
      const { may } = await answer.json();
      if (Array.isArray(may) && !may.includes('view')) location.replace('login');
    } catch {
      // Nobody answers: it was not the login, and the connection is tried again in any case.
    } finally {
      this.#asking = false;
    }
  }
}
