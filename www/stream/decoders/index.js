/**
 * The encodings that this page can decode. To add one, add a file and a line here.
 *
 * @import { Encoding } from '../protocol.js'
 * @import { Decoder } from './picture.js'
 */
import { i420 } from './i420.js';
import { jpeg } from './jpeg.js';
import { png } from './png.js';
import { rgba } from './rgba.js';

/** In order of preference: the fewest bytes first. @type {ReadonlyMap<Encoding, Decoder>} */
export const decoders = new Map(
  /** @type {[Encoding, Decoder][]} */ ([
    ['jpeg', jpeg],
    ['png', png],
    ['i420', i420],
    ['rgba', rgba],
  ]),
);
