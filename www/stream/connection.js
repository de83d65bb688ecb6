/**
 * One websocket's life after another: it opens, lives, is lost, and is opened again after a pause that grows.
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

const SHORTEST = 250;
const LONGEST = 10_000;
const STEADY = 5000; // a connection that lived this long was a good one: the next pause is short again
const SILENCE = 10_000; // the server speaks every second; after this long the network is gone, whatever TCP believes
const ANSWER = 10_000;

/**
 * How long to wait before trying again, in milliseconds: twice as long each time, up to ten seconds, and somewhere in
 * the upper half of that, so that all the pages of a house do not come back in one moment.
 * @param {number} attempt how many have failed in a row before this one, from 0
 * @param {number} random from 0 up to 1
 */
export function pauseBefore(attempt, random) {
  const longest = Math.min(LONGEST, SHORTEST * 2 ** attempt);
  return longest * (0.5 + random / 2);
}

/** Where the websocket of a page is: beside it, behind whatever prefix it came through. @param {string} base */
export function socketAddress(base) {
  const address = new URL('ws', base);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** Nothing was sent, for there was no connection: true only until there is one again. */
export class NotConnected extends Error {}

/** Requests that wait for their answers, by id. */
export class Answers {
  /** @type {Map<string | number, { resolve(ok: Ok): void, reject(error: Error): void, promise: Promise<Ok> }>} */
  #waiting = new Map();

  /** The answer to come. Asked twice under one id, it is one answer. @param {string | number} id @returns {Promise<Ok>} */
  expect(id) {
    const known = this.#waiting.get(id);
    if (known) return known.promise;
    /** @type {(ok: Ok) => void} */
    let resolve = () => {};
    /** @type {(error: Error) => void} */
    let reject = () => {};
    /** @type {Promise<Ok>} */
    const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
    this.#waiting.set(id, { resolve, reject, promise });
    return promise;
  }

  /** Give an answer to who waits for it; false if nobody does. @param {Reply} reply */
  settle(reply) {
    if ((reply.type !== 'ok' && reply.type !== 'error') || reply.re === undefined) return false;
    const request = this.#waiting.get(reply.re);
    if (!request) return false;
    this.#waiting.delete(reply.re);
    if (reply.type === 'ok') request.resolve(reply);
    else request.reject(new Error(reply.message));
    return true;
  }

  /** Nobody will answer this one any more, or any at all. @param {string} why @param {string | number} [id] */
  giveUp(why, id) {
    for (const [key, request] of this.#waiting) {
      if (id !== undefined && key !== id) continue;
      this.#waiting.delete(key);
      request.reject(new Error(why));
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
  #answers = new Answers();
  #attempt = 0;
  #heard = 0; // when anything last came, or the socket was opened
  #welcomed = 0;
  #asked = 0;
  #retry = 0;

  /** @param {string} address @param {Listener} listener */
  constructor(address, listener) {
    this.#address = address;
    this.#listener = listener;
  }

  /** Connect, and stay connected as long as the page lives. */
  start() {
    setInterval(() => this.#listen(), 1000);
    this.#open();
  }

  /** Do not wait any longer: the person is back, or the network is. */
  tryNow() {
    if (this.#state.name === 'waiting') this.#open();
  }

  /** Say something that has no answer; lost when there is no connection. @param {Request} message */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // it may be closing, and not have said so yet
    if (this.#state.name === 'live') this.#socket.send(JSON.stringify(message));
  }

  /**
   * Say something, and wait for its answer.
   * @param {Request} message
   * @returns {Promise<Ok>} rejected with the server's own words
   */
  async ask(message) {
    if (this.#state.name !== 'live') throw new NotConnected('There is no connection now: try again when the picture is back.');
    const id = message.id ?? (this.#asked += 1);
    const answer = this.#answers.expect(id);
    const timer = setTimeout(() => this.#answers.giveUp('The camera did not answer.', id), ANSWER);
    this.send({ ...message, id });
    return answer.finally(() => clearTimeout(timer));
  }

  #open() {
    clearTimeout(this.#retry);
    const socket = new WebSocket(this.#address, [SUBPROTOCOL]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#heard = performance.now();
    this.#become({ name: 'connecting' });
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lose(socket, event.reason);
  }

  /** @param {string | ArrayBuffer} data */
  #hear(data) {
    this.#heard = performance.now();
    try {
      if (typeof data !== 'string') {
        this.#listener.packet(parsePacket(data), data.byteLength);
        return;
      }
      const reply = parseReply(data);
      if (!reply || this.#answers.settle(reply)) return;
      if (reply.type === 'welcome') {
        this.#welcomed = performance.now();
        this.#become({ name: 'live' });
      }
      this.#listener.reply(reply);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#listener.problem(error);
    }
  }

  /** @param {WebSocket} socket @param {string} reason */
  #lose(socket, reason) {
    if (socket !== this.#socket) return; // given up long ago
    socket.onmessage = socket.onclose = null;
    this.#socket = null;
    this.#answers.giveUp('The connection was lost before the camera answered.');
    const steady = this.#state.name === 'live' && performance.now() - this.#welcomed >= STEADY;
    const pause = pauseBefore(steady ? 0 : this.#attempt, Math.random());
    this.#attempt = steady ? 1 : this.#attempt + 1;
    this.#retry = setTimeout(() => this.#open(), pause);
    this.#become({ name: 'waiting', until: performance.now() + pause, reason });
  }

  // A phone that walked out of the house gets no "closed": only silence tells.
  #listen() {
    const socket = this.#socket;
    if (!socket || performance.now() - this.#heard < SILENCE) return;
    this.#lose(socket, 'nothing was heard for ten seconds');
    socket.close();
  }

  /** @param {State} state */
  #become(state) {
    this.#state = state;
    this.#listener.state(state);
  }
}
