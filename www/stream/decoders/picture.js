/**
 * The result of a decoder.
 *
 * @import { Packet } from '../protocol.js'
 *
 * `draw` draws it at the top left of a context of its size. `close` frees it and must always be called.
 * @typedef {{ draw(context: CanvasRenderingContext2D): void, close(): void }} Picture
 * @typedef {(packet: Packet) => Promise<Picture>} Decoder
 */

/**
 * A picture of raw pixels.
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
 * A picture from an image file. The browser decodes it outside of the main thread.
 * @param {Packet} packet
 * @param {string} type its media type
 * @returns {Promise<Picture>}
 */
export async function fromFile(packet, type) {
  const blob = new Blob([packet.payload], { type });
  // For a file without a colour profile and without alpha the browser converts nothing for an sRGB canvas. Options that
  // forbid it (`colorSpaceConversion`, `premultiplyAlpha`) give the same values and cost Chromium a fourth more time.
  const bitmap = await createImageBitmap(blob);
  return { draw: (context) => context.drawImage(bitmap, 0, 0), close: () => bitmap.close() };
}

/**
 * Check the size of a payload.
 * @param {Packet} packet
 * @param {number} expected bytes
 * @throws {Error} if it has another size
 */
export function checkSize({ encoding, width, height, payload }, expected) {
  if (payload.length === expected) return;
  throw new Error(`a ${width}x${height} ${encoding} frame has ${expected} bytes, got ${payload.length}`);
}
