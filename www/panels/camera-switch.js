/**
 * The way from the page of a camera to the other cameras: the link to all cameras in the bar, and the keys 0 to 9. With one
 * camera, or an older service, there is none.
 *
 * @import { Camera } from '../stream/cameras.js'
 * @import { Welcome } from '../stream/protocol.js'
 */
import { serviceUrl } from '../lib/service-url.js';
import { fetchCameras, parseCameras } from '../stream/cameras.js';

export class CameraSwitch {
  /** @type {readonly Camera[]} */
  #cameras = [];
  #name = ''; // of this page's camera; empty before the first welcome, and with an older service

  /** @param {Welcome} welcome */
  welcome({ camera = '', cameras = [] }) {
    this.#name = camera;
    this.#cameras = parseCameras(cameras);
    document.documentElement.dataset.cameras = this.several ? 'several' : 'one';
  }

  /** Whether there is more than one camera. */
  get several() {
    return this.#cameras.length > 1;
  }

  /** The camera of this page; null if there is only one. */
  get current() {
    return this.several ? this.#cameras.find(({ name }) => name === this.#name) ?? null : null;
  }

  /** Go to the camera with this number, from 1, or to all cameras with 0. @param {number} number */
  go(number) {
    if (!this.several) return;
    const camera = this.#cameras[number - 1];
    if (number === 0) location.assign(serviceUrl(''));
    else if (camera && camera.name !== this.#name) location.assign(serviceUrl(camera.path));
  }

  /** Whether the service still has this page's camera; true if that cannot be found out. */
  async exists() {
    if (!this.several) return true;
    try {
      return (await fetchCameras()).some(({ name }) => name === this.#name);
    } catch {
      return true;
    }
  }
}

/** Actions for the digit keys. @param {(number: number) => void} go */
export const digitKeys = (go) =>
  Object.fromEntries(Array.from({ length: 10 }, (_, number) => [String(number), () => go(number)]));
