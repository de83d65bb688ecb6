/** Converts I420 planes to pixels in a worker, so that the page stays responsive if there is no WebGL2. */
export class PlanesOnThread {
  #worker = new Worker(new URL('i420-worker.js', import.meta.url), { type: 'module' });
  /** @type {Map<number, { resolve(pixels: Uint8ClampedArray<ArrayBuffer>): void, reject(error: Error): void }>} */
  #waiting = new Map();
  #lastId = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, pixels } }) => {
      this.#waiting.get(id)?.resolve(pixels);
      this.#waiting.delete(id);
    };
    this.#worker.onerror = (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the i420 worker failed: ${event.message}`));
      this.#waiting.clear();
    };
  }

  /**
   * The pixels of these planes. The buffer is transferred to the worker: the packet cannot be read afterwards.
   * @param {Uint8Array<ArrayBuffer>} planes
   * @param {number} width
   * @param {number} height
   * @returns {Promise<Uint8ClampedArray<ArrayBuffer>>}
   */
  convert(planes, width, height) {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, planes, width, height }, [planes.buffer]);
    });
  }
}
