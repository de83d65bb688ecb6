/**
 * What may be said on the wire, as values. No I/O. The contract is docs/protocol.md; tests/vectors/ holds it byte for byte.
 *
 * @typedef {'rgba' | 'i420' | 'png' | 'jpeg' | 'h264'} Encoding
 *
 * One frame, encoded. `captured` and `sent` are microseconds on the server's clock; `payload` is a view of the message,
 * not a copy, and begins on an 8-byte boundary of it.
 * @typedef {{
 *   encoding: Encoding, key: boolean, init: boolean, offline: boolean, seq: number, width: number, height: number,
 *   captured: number, sent: number, payload: Uint8Array<ArrayBuffer>,
 * }} Packet
 *
 * @typedef {'top-left' | 'top' | 'top-right' | 'left' | 'center' | 'right' | 'bottom-left' | 'bottom' | 'bottom-right'} Anchor
 *
 * A text at a place; `x`, `y` and `size` are fractions of the picture, colours are #rgb, #rrggbb or #rrggbbaa.
 * @typedef {{
 *   text: string, x: number, y: number, anchor: Anchor, size: number, color: string, background: string, font: string,
 *   ttl: number | null, id?: string,
 * }} CaptionDraft
 * @typedef {CaptionDraft & { id: string, by: string }} Caption
 *
 * @typedef {{ id: string, name: string }} Viewer
 * @typedef {{ online: boolean, kind: string, reason?: string | null, why?: string | null }} Source
 *
 * @typedef {{
 *   type: 'welcome', version: string, you: string, encodings: string[], source: Source, captions: Caption[],
 *   viewers: Viewer[], host?: string, may?: string[], login?: boolean,
 * }} Welcome
 * @typedef {{
 *   type: 'watching', encoding: string, width: number, height: number, fps: number | null, quality: number | string | null,
 * }} Watching
 * @typedef {Source & { type: 'source' }} SourceNews
 * @typedef {{ type: 'captions', captions: Caption[] }} CaptionsNews
 * @typedef {{ type: 'viewers', viewers: Viewer[] }} ViewersNews
 * @typedef {{ type: 'said', from: string, name: string, text: string, at: string }} Said
 * @typedef {{
 *   type: 'stats', source_fps?: number | null, fps?: number | null, dropped?: number | null, cpu_percent?: number | null,
 *   memory_mb?: number | null, temperature_c?: number | null, throttled?: boolean | null,
 * }} Stats
 * @typedef {{ type: 'pong', sent: number, clock: number, utc: string }} Pong
 * @typedef {{ type: 'ok', re: string | number }} Ok
 * @typedef {{ type: 'error', re?: string | number, code: string, message: string }} Refusal
 * @typedef {Welcome | Watching | SourceNews | CaptionsNews | ViewersNews | Said | Stats | Pong | Ok | Refusal} Reply
 *
 * @typedef {{ type: string, id?: string | number }} Request
 * @typedef {{ accept: Encoding[], fps?: number, width?: number, quality?: number | 'auto' }} Wishes
 */

export const SUBPROTOCOL = 'pi-stream.v1';

const HEADER_SIZE = 32;
const MAGIC = 0x31534950; // "PIS1", read as a little-endian number
const KEY = 1;
const INIT = 2;
const OFFLINE = 4;

/** @type {readonly (Encoding | undefined)[]} */
const ENCODINGS = [undefined, 'rgba', 'i420', 'png', 'jpeg', 'h264'];

// How many frames may be on their way here, undrawn: with 2 the line is never idle while one is being decoded, and a
// slow page still sees a picture that is two frames old rather than two seconds. With quality "auto" the server decides:
// it knows how far away this page is.
const WINDOW = 2;

/** What the server said is not what the protocol says. */
export class BadMessage extends Error {}

/**
 * A binary message as a packet.
 * @param {ArrayBuffer} message
 * @returns {Packet}
 * @throws {BadMessage} that says what is wrong with it
 */
export function parsePacket(message) {
  const length = message.byteLength;
  if (length < HEADER_SIZE) throw new BadMessage(`a frame's header has ${HEADER_SIZE} bytes, got ${length}`);
  const view = new DataView(message);
  if (view.getUint32(0, true) !== MAGIC) throw new BadMessage('a frame begins with the magic PIS1, this one does not');
  const number = view.getUint8(4);
  const encoding = ENCODINGS[number];
  if (!encoding) throw new BadMessage(`expected an encoding from 1 to ${ENCODINGS.length - 1}, got ${number}`);
  const size = view.getUint16(6, true);
  if (size < HEADER_SIZE || size > length) {
    throw new BadMessage(`expected a header size from ${HEADER_SIZE} to the message's ${length}, got ${size}`);
  }
  const flags = view.getUint8(5);
  return {
    encoding,
    key: Boolean(flags & KEY),
    init: Boolean(flags & INIT),
    offline: Boolean(flags & OFFLINE),
    seq: view.getUint32(8, true),
    width: view.getUint16(12, true),
    height: view.getUint16(14, true),
    // Exact up to 2**53 microseconds, which is 285 years after the server's machine was started.
    captured: Number(view.getBigUint64(16, true)),
    sent: Number(view.getBigUint64(24, true)),
    payload: new Uint8Array(message, size),
  };
}

/** What each message cannot do without, so that no part of the page has to doubt it. @type {Record<string, Record<string, string>>} */
const NEEDED = {
  welcome: { you: 'string', version: 'string', encodings: 'array', source: 'object', captions: 'array', viewers: 'array' },
  watching: { encoding: 'string', width: 'number', height: 'number' },
  source: { online: 'boolean', kind: 'string' },
  captions: { captions: 'array' },
  viewers: { viewers: 'array' },
  said: { from: 'string', name: 'string', text: 'string', at: 'string' },
  stats: {},
  pong: { sent: 'number', clock: 'number' },
  ok: {},
  error: { code: 'string', message: 'string' },
};

/** @param {unknown} value */
const kindOf = (value) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

/**
 * A text message as an object; null for a type of a later version, which is no mistake.
 * @param {string} text
 * @returns {Reply | null}
 * @throws {BadMessage} that says what is wrong where
 */
export function parseReply(text) {
  /** @type {unknown} */
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new BadMessage(`expected JSON, got "${text.slice(0, 40)}"`);
  }
  if (kindOf(message) !== 'object') throw new BadMessage(`expected an object, got ${kindOf(message)}`);
  const fields = /** @type {Record<string, unknown>} */ (message);
  const type = fields.type;
  if (typeof type !== 'string') throw new BadMessage(`type: expected a string, got ${kindOf(type)}`);
  const needed = Object.hasOwn(NEEDED, type) ? NEEDED[type] : undefined;
  if (!needed) return null;
  for (const [name, kind] of Object.entries(needed)) {
    const got = kindOf(fields[name]);
    if (got !== kind) throw new BadMessage(`${type}.${name}: expected ${kind}, got ${got}`);
  }
  return /** @type {Reply} */ (message);
}

/** Start the pictures, or change them. What is undefined is left to the server. @param {Wishes} wishes */
export const watch = (wishes) => ({
  type: 'watch', ...wishes, ...(wishes.quality !== 'auto' && { window: WINDOW }), acks: true,
});

/** That frame, and all before it, has been drawn. @param {number} seq */
export const ack = (seq) => ({ type: 'ack', seq });

/** Ask for the server's clock. @param {number} sent milliseconds on this page's clock, returned as they are */
export const ping = (sent) => ({ type: 'ping', sent });

/** Create a caption, or replace the one of that id. @param {CaptionDraft} caption */
export const putCaption = (caption) => ({ type: 'caption.put', caption });

/** Remove a caption. Its id is the message's too, so the answer's `re` is the caption's id. @param {string} id */
export const deleteCaption = (id) => ({ type: 'caption.delete', id });

/** A line in the chat. @param {string} text */
export const say = (text) => ({ type: 'say', text });

/** What this viewer is called; empty for no name. @param {string} name */
export const name = (name) => ({ type: 'name', name });
