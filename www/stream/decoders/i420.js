/**
 * I420: converted by WebGL2 if available, else in a worker.
 *
 * @import { Decoder } from './picture.js'
 */
import { PlanesOnGpu } from './i420-gpu.js';
import { pixelsFromPlanes } from './i420-pixels.js';
import { PlanesOnThread } from './i420-thread.js';
import { checkSize, fromPixels } from './picture.js';

/** @type {PlanesOnGpu | null | undefined} null: there is no WebGL2 */
let gpu;
/** @type {PlanesOnThread | undefined} */
let thread;

/** @type {Decoder} */
export const i420 = async (packet) => {
  const { width, height, payload } = packet;
  checkSize(packet, width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2));
  gpu ??= gpu === null ? null : PlanesOnGpu.open();
  const ready = gpu;
  if (ready?.fits(width, height)) {
    return {
      draw(context) {
        if (ready.convert(payload, width, height)) context.drawImage(ready.canvas, 0, 0);
        // The WebGL context was lost since decoding. The next frames use the worker.
        else fromPixels(pixelsFromPlanes(payload, width, height), width, height).draw(context);
      },
      close() {},
    };
  }
  thread ??= new PlanesOnThread();
  return fromPixels(await thread.convert(payload, width, height), width, height);
};
