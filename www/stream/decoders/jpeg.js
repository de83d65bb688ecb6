/** @import { Decoder } from './picture.js' */
import { fromFile } from './picture.js';

/** @type {Decoder} */
export const jpeg = (packet) => fromFile(packet, 'image/jpeg');
