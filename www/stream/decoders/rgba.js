/** @import { Decoder } from './picture.js' */
import { checkSize, fromPixels } from './picture.js';

/** @type {Decoder} The pixels are read from the message without a copy. */
export const rgba = async (packet) => {
  const { width, height, payload } = packet;
  checkSize(packet, width * height * 4);
  return fromPixels(new Uint8ClampedArray(payload.buffer, payload.byteOffset, payload.length), width, height);
};
