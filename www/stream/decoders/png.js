/** @import { Decoder } from './picture.js' */
import { fromFile } from './picture.js';

/** @type {Decoder} */
export const png = (packet) => fromFile(packet, 'image/png');
