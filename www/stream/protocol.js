/**
 * The messages of the wire, read and written. No I/O. docs/protocol.md defines them; tests/vectors/ has examples, byte for byte.
 *
 * @typedef {'rgba' | 'i420' | 'png' | 'jpeg' | 'h264'} Encoding
 *
 * One encoded frame. `captured` and `sent` are microseconds on the server's clock. `payload` is a view of the message,
 * not a copy, and begins at a multiple of 8 bytes.
 * @typedef {{
 *   encoding: Encoding, key: boolean, init: boolean, offline: boolean, seq: number, width: number, height: number,
 *   captured: number, sent: number, payload: Uint8Array<ArrayBuffer>,
 * }} Packet
 *
 * @typedef {'top-left' | 'top' | 'top-right' | 'left' | 'center' | 'right' | 'bottom-left' | 'bottom' | 'bottom-right'} Anchor
 *
 * A text on the picture. `x`, `y` and `size` are fractions of the picture; colours are #rgb, #rrggbb or #rrggbbaa; `ttl`
 * is in seconds.
 * @typedef {{
 *   text: string, x: number, y: number, anchor: Anchor, size: number, color: string, background: string, font: string,
 *   ttl: number | null, id?: string,
 * }} CaptionDraft
 * @typedef {CaptionDraft & { id: string, by: string }} Caption
 *
 * What a button puts into the text of a caption, what it is, and what may be drawn.
 * @typedef {{ name: string, insert: string, title: string, example: string }} CaptionField
 *
 * @typedef {{ id: string, name: string }} Viewer
 * @typedef {{ online: boolean, kind: string, reason?: string | null, why?: string | null }} Source
 *
 * @typedef {{
 *   type: 'welcome', version: string, you: string, encodings: string[], source: Source, captions: Caption[],
 *   viewers: Viewer[], host?: string, may?: string[], login?: boolean, camera?: string, cameras?: unknown,
 *   fields?: CaptionField[],
 * }} Welcome
 * @typedef {{
 *   type: 'watching', encoding: string, width: number, height: number, fps: number | null, quality: number | string | null,
 * }} Watching
 * @typedef {Source & { type: 'source' }} SourceChanged
 * @typedef {{ type: 'captions', captions: Caption[] }} CaptionsChanged
 * @typedef {{ type: 'viewers', viewers: Viewer[] }} ViewersChanged
 * @typedef {{ type: 'said', from: string, name: string, text: string, at: string }} Said
 * @typedef {{
 *   type: 'stats', source_fps?: number | null, fps?: number | null, dropped?: number | null, cpu_percent?: number | null,
 *   memory_mb?: number | null, temperature_c?: number | null, throttled?: boolean | null,
 * }} Stats
 * @typedef {{ type: 'pong', sent: number, clock: number, utc: string }} Pong
 * @typedef {{ type: 'ok', re: string | number }} Ok
 * @typedef {{ type: 'error', re?: string | number, code: string, message: string }} Failure
 * @typedef {Welcome | Watching | SourceChanged | CaptionsChanged | ViewersChanged | Said | Stats | Pong | Ok | Failure} Reply
 *
 * @typedef {{ type: string, id?: string | number }} Request
 * @typedef {{ accept: Encoding[], fps?: number, width?: number, quality?: number | 'auto' }} WatchOptions
 */

export const SUBPROTOCOL = 'pi-stream.v1';

const HEADER_SIZE = 32;
const MAGIC = 0x31534950; // "PIS1", read as a little-endian number
const KEY = 1;
const INIT = 2;
const OFFLINE = 4;

/** @type {readonly (Encoding | undefined)[]} */
const ENCODINGS = [undefined, 'rgba', 'i420', 'png', 'jpeg', 'h264'];

// Frames that may be sent before one is acknowledged. With 2, the next frame arrives while one is decoded, and a slow page
// is 2 frames behind instead of seconds. With quality "auto" the server chooses: it knows the round trip.
const WINDOW = 2;

/** A message that does not follow the protocol. */
export class BadMessage extends Error {}

/**
 * Read a binary message.
 * @param {ArrayBuffer} message
 * @returns {Packet}
 * @throws {BadMessage} with what was expected and what came
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
    // Exact up to 2**53 microseconds, which is 285 years after the start of the server's machine.
    captured: Number(view.getBigUint64(16, true)),
    sent: Number(view.getBigUint64(24, true)),
    payload: new Uint8Array(message, size),
  };
}

/** The fields that each message must have. The rest of the page relies on them. @type {Record<string, Record<string, string>>} */
const REQUIRED = {
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
 * Read a text message. Returns null for an unknown type, which may come from a later version.
 * @param {string} text
 * @returns {Reply | null}
 * @throws {BadMessage} with the field, what was expected and what came
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
  const required = Object.hasOwn(REQUIRED, type) ? REQUIRED[type] : undefined;
  if (!required) return null;
  for (const [name, kind] of Object.entries(required)) {
    const got = kindOf(fields[name]);
    if (got !== kind) throw new BadMessage(`${type}.${name}: expected ${kind}, got ${got}`);
  }
  return /** @type {Reply} */ (message);
}

/** Start receiving frames, or change how. The server chooses what is undefined. @param {WatchOptions} options */
export const watch = (options) => ({
  type: 'watch', ...options, ...(options.quality !== 'auto' && { window: WINDOW }), acks: true,
});

/** Stop receiving frames. The connection stays open. */
export const unwatch = () => ({ type: 'unwatch' });

/** Acknowledge this frame and all before it as drawn. @param {number} seq */
export const ack = (seq) => ({ type: 'ack', seq });

/** Request the server's clock. @param {number} sent milliseconds on the page's clock; the pong returns it unchanged */
export const ping = (sent) => ({ type: 'ping', sent });

/** Create a caption, or replace the one with this id. @param {CaptionDraft} caption */
export const putCaption = (caption) => ({ type: 'caption.put', caption });

/** Delete a caption. The caption's id is also the message's id, so the reply has it as `re`. @param {string} id */
export const deleteCaption = (id) => ({ type: 'caption.delete', id });

/** Send a chat message. @param {string} text */
export const say = (text) => ({ type: 'say', text });

/** Set this viewer's name; empty for none. @param {string} name */
export const name = (name) => ({ type: 'name', name });
