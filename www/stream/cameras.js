/**
 * The list of the service's cameras.
 *
 * `path` is the camera's page, relative to the root of the service. `reason` says why it is offline.
 * @typedef {{ name: string, title: string, path: string, online: boolean, reason: string | null }} Camera
 */
import { serviceUrl } from '../lib/service-url.js';
import { BadMessage } from './protocol.js';

const TIMEOUT_MS = 5000;
const NAME = /^[a-z0-9-]{1,32}$/;

/**
 * Check a list of cameras from the service. The title defaults to the name.
 * @param {unknown} value
 * @returns {Camera[]}
 * @throws {BadMessage} with what was expected
 */
export function parseCameras(value) {
  if (!Array.isArray(value)) throw new BadMessage('cameras: expected an array');
  return value.map((/** @type {unknown} */ each, at) => {
    const fields = /** @type {Record<string, unknown>} */ (each ?? {});
    const { name, title, path, online, reason } = fields;
    if (typeof name !== 'string' || !NAME.test(name)) throw new BadMessage(`cameras[${at}].name: expected a camera's name`);
    // Anything else could lead to another site.
    if (path !== `cameras/${name}/`) throw new BadMessage(`cameras[${at}].path: expected cameras/${name}/`);
    if (typeof online !== 'boolean') throw new BadMessage(`cameras[${at}].online: expected a boolean`);
    return {
      name, path, online,
      title: typeof title === 'string' && title ? title : name,
      reason: typeof reason === 'string' ? reason : null,
    };
  });
}

/**
 * Request the list from the service.
 * @returns {Promise<Camera[]>}
 * @throws {Error} if the service does not answer with a list
 */
export async function fetchCameras() {
  const response = await fetch(serviceUrl('api/cameras'), { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  /** @type {{ cameras?: unknown } | null} */
  const body = await response.json();
  return parseCameras(body?.cameras);
}
