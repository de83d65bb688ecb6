/**
 * The websocket to the service. It reconnects after a pause that grows with each failure.
 *
 * @import { Packet, Reply, Request, Ok } from './protocol.js'
 *
 * `live` begins with the server's welcome. `waiting` ends at `until` (milliseconds of `performance.now()`).
 * @typedef {{ name: 'connecting' } | { name: 'live' } | { name: 'waiting', until: number, reason: string }} State
 *
 * @typedef {{
 *   state(state: State): void, reply(reply: Reply): void, packet(packet: Packet, bytes: number): void,
 *   problem(error: Error): void,
 * }} Listener
 */

import { BadMessage, SUBPROTOCOL, parsePacket, parseReply } from './protocol.js';

const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
const STABLE_AFTER_MS = 5000; // after a connection of this length the next pause is short again
const SILENCE_TIMEOUT_MS = 10_000; // the server sends something every second; after this time the network is gone
const REPLY_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1000;

/**
 * The pause before the next attempt, in milliseconds. It doubles up to 10 s. A random part of up to one half keeps many
 * pages from reconnecting at the same moment.
 * @param {number} attempt number of attempts in a row that failed, from 0
 * @param {number} random from 0 up to 1
 */
export function pauseBefore(attempt, random) {
  const longest = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** attempt);
  return longest * (0.5 + random / 2);
}

/** The address of the websocket: `ws` relative to the page, so that a path prefix is kept. @param {string} base */
export function socketAddress(base) {
  const address = new URL('ws', base);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** The request was not sent, because there was no connection. */
export class NotConnected extends Error {}

/** Requests that wait for their replies, by id. */
export class PendingRequests {
  /** @type {Map<string | number, { resolve(ok: Ok): void, reject(error: Error): void, promise: Promise<Ok> }>} */
  #pending = new Map();

  /** The reply to the request with this id. Two calls with one id get the same reply. @param {string | number} id @returns {Promise<Ok>} */
  add(id) {
    const known = this.#pending.get(id);
    if (known) return known.promise;
    /** @type {(ok: Ok) => void} */
    let resolve = () => {};
    /** @type {(error: Error) => void} */
    let reject = () => {};
    /** @type {Promise<Ok>} */
    const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
    this.#pending.set(id, { resolve, reject, promise });
    return promise;
  }

  /** Pass a reply to the request that waits for it; false if there is none. @param {Reply} reply */
  settle(reply) {
    if ((reply.type !== 'ok' && reply.type !== 'error') || reply.re === undefined) return false;
    const request = this.#pending.get(reply.re);
    if (!request) return false;
    this.#pending.delete(reply.re);
    if (reply.type === 'ok') request.resolve(reply);
    else request.reject(new Error(reply.message));
    return true;
  }

  /** Reject the request with this id, or all requests. @param {string} reason @param {string | number} [id] */
  reject(reason, id) {
    for (const [key, request] of this.#pending) {
      if (id !== undefined && key !== id) continue;
      this.#pending.delete(key);
      request.reject(new Error(reason));
    }
  }
}

export class Connection {
  #address;
  #listener;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {State} */
  #state = { name: 'connecting' };
  #pending = new PendingRequests();
  #attempt = 0;
  #lastMessageAt = 0; // or when the socket was opened
  #liveSince = 0;
  #lastId = 0;
  #retryTimer = 0;
  #checkTimer = 0;

  /** @param {string} address @param {Listener} listener */
  constructor(address, listener) {
    this.#address = address;
    this.#listener = listener;
  }

  /** Connect, and reconnect whenever the connection is lost. */
  start() {
    this.#checkTimer = setInterval(() => this.#checkSilence(), CHECK_INTERVAL_MS);
    this.#open();
  }

  /** Close the connection for good. Requests that wait for a reply are rejected. */
  stop() {
    clearInterval(this.#checkTimer);
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#state = { name: 'connecting' };
    this.#pending.reject('The connection was closed.');
  }

  /** Reconnect without waiting for the end of the pause, for example because the network is back. */
  tryNow() {
    if (this.#state.name === 'waiting') this.#open();
  }

  /** Send a message that has no reply. It is dropped if there is no connection. @param {Request} message */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // it may be closing before `onclose` was called
    if (this.#state.name === 'live') this.#socket.send(JSON.stringify(message));
  }

  /**
   * Send a message and wait for its reply.
   * @param {Request} message
   * @returns {Promise<Ok>} rejected with the server's error message
   */
  async request(message) {
    if (this.#state.name !== 'live') throw new NotConnected('Not connected. Try again when the picture is back.');
    const id = message.id ?? (this.#lastId += 1);
    const reply = this.#pending.add(id);
    const timer = setTimeout(() => this.#pending.reject('The camera did not reply.', id), REPLY_TIMEOUT_MS);
    this.send({ ...message, id });
    return reply.finally(() => clearTimeout(timer));
  }

  #open() {
    clearTimeout(this.#retryTimer);
    const socket = new WebSocket(this.#address, [SUBPROTOCOL]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#lastMessageAt = performance.now();
    this.#setState({ name: 'connecting' });
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(socket, event.reason);
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#lastMessageAt = performance.now();
    try {
      if (typeof data !== 'string') {
        this.#listener.packet(parsePacket(data), data.byteLength);
        return;
      }
      const reply = parseReply(data);
      if (!reply || this.#pending.settle(reply)) return;
      if (reply.type === 'welcome') {
        this.#liveSince = performance.now();
        this.#setState({ name: 'live' });
      }
      this.#listener.reply(reply);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#listener.problem(error);
    }
  }

  /** @param {WebSocket} socket @param {string} reason */
  #lost(socket, reason) {
    if (socket !== this.#socket) return; // an earlier socket
    socket.onmessage = socket.onclose = null;
    this.#socket = null;
    this.#pending.reject('The connection was lost before the camera replied.');
    const stable = this.#state.name === 'live' && performance.now() - this.#liveSince >= STABLE_AFTER_MS;
    const pause = pauseBefore(stable ? 0 : this.#attempt, Math.random());
    this.#attempt = stable ? 1 : this.#attempt + 1;
    this.#retryTimer = setTimeout(() => this.#open(), pause);
    this.#setState({ name: 'waiting', until: performance.now() + pause, reason });
  }

  // A phone that left the Wi-Fi is not told that the connection is closed: only the silence shows it.
  #checkSilence() {
    const socket = this.#socket;
    if (!socket || performance.now() - this.#lastMessageAt < SILENCE_TIMEOUT_MS) return;
    this.#lost(socket, `no message for ${SILENCE_TIMEOUT_MS / 1000} seconds`);
    socket.close();
  }

  /** @param {State} state */
  #setState(state) {
    this.#state = state;
    this.#listener.state(state);
  }
}
