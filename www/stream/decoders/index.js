/**
 * Every encoding that this page can show. A new one is one file and one line.
 *
 * @import { Encoding } from '../protocol.js'
 * @import { Decoder } from './picture.js'
 */
import { i420 } from './i420.js';
import { jpeg } from './jpeg.js';
import { png } from './png.js';
import { rgba } from './rgba.js';

/** Best first: what costs the network least. @type {ReadonlyMap<Encoding, Decoder>} */
export const decoders = new Map(
  /** @type {[Encoding, Decoder][]} */ ([
    ['jpeg', jpeg],
    ['png', png],
    ['i420', i420],
    ['rgba', rgba],
  ]),
);
