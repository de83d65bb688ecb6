/**
 * What a decoder makes of a packet.
 *
 * @import { Packet } from '../protocol.js'
 *
 * `draw` puts it at the top left of a context that has its size; `close` frees it, drawn or not.
 * @typedef {{ draw(context: CanvasRenderingContext2D): void, close(): void }} Picture
 * @typedef {(packet: Packet) => Promise<Picture>} Decoder
 */

/**
 * Pixels as a picture.
 * @param {Uint8ClampedArray<ArrayBuffer>} pixels R, G, B, A of 0 to 255, rows top down
 * @param {number} width
 * @param {number} height
 * @returns {Picture}
 */
export function fromPixels(pixels, width, height) {
  const data = new ImageData(pixels, width, height, { colorSpace: 'srgb' });
  return { draw: (context) => context.putImageData(data, 0, 0), close: () => {} };
}

/**
 * A picture file as a picture, decoded off the main thread by the browser.
 * @param {Packet} packet
 * @param {string} type its media type
 * @returns {Promise<Picture>}
 */
export async function fromFile(packet, type) {
  const blob = new Blob([packet.payload], { type });
  // Of a file without a profile and without alpha nothing is converted for a canvas in sRGB. To forbid it all the same
  // (`colorSpaceConversion`, `premultiplyAlpha`) gives the same numbers, and Chromium a fourth more to do.
  const bitmap = await createImageBitmap(blob);
  return { draw: (context) => context.drawImage(bitmap, 0, 0), close: () => bitmap.close() };
}

/**
 * That a payload has the size its header promises; a short one would be an obscure error much later.
 * @param {Packet} packet
 * @param {number} expected bytes
 */
export function checkSize({ encoding, width, height, payload }, expected) {
  if (payload.length === expected) return;
  throw new Error(`a ${width}x${height} ${encoding} frame has ${expected} bytes, got ${payload.length}`);
}
