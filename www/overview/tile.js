/**
 * The tile of one camera in the overview: a small picture at a low rate, the camera's title and its state. Frames are
 * requested only while the tile is visible, so that a camera that nobody sees can rest.
 *
 * @import { Camera } from '../stream/cameras.js'
 * @import { State } from '../stream/connection.js'
 * @import { Reply, Source, Welcome } from '../stream/protocol.js'
 */
import { make } from '../lib/dom.js';
import { serviceUrl } from '../lib/service-url.js';
import { Connection, socketAddress } from '../stream/connection.js';
import { decoders } from '../stream/decoders/index.js';
import { ack, name as nameMessage, unwatch, watch } from '../stream/protocol.js';
import { Screen } from '../stream/screen.js';

const WIDTH = 640;
const FPS = 2;
const QUALITY = 60;
const MAX_DECODE_FAILURES = 3; // in a row, before the user is told

/** @typedef {{ welcome(welcome: Welcome): void, changed(): void, lost(): void }} Listener */

/** The state of a camera as the tile shows it. @param {State} connection @param {{ online: boolean, reason?: string | null }} source @param {string} problem */
export function describe(connection, source, problem) {
  if (connection.name === 'waiting') return { state: 'lost', text: 'Reconnecting…', notice: connection.reason };
  if (!source.online) return { state: 'offline', text: 'Offline', notice: source.reason || 'The camera sends no frames.' };
  if (connection.name === 'connecting') return { state: 'connecting', text: 'Connecting…', notice: '' };
  if (problem) return { state: 'offline', text: 'Cannot be shown', notice: problem };
  return { state: 'live', text: 'Live', notice: '' };
}

export class Tile {
  #canvas = make('canvas');
  #key = make('kbd', { ariaHidden: 'true' });
  #title = make('span', { className: 'title', dir: 'auto' });
  #state = make('span', { className: 'tile-state' });
  #notice = make('span', { className: 'tile-notice', hidden: true });
  // The bar comes first, so that a screen reader speaks the title before the notice.
  #link = make('a', {},
    make('span', { className: 'tile-bar' }, this.#key, this.#title, ' ', this.#state),
    make('span', { className: 'tile-picture' }, this.#canvas, this.#notice));
  element = make('li', { className: 'tile' }, this.#link);
  #listener;
  #name;
  #screen;
  #connection;
  /** @type {State} */
  #connectionState = { name: 'connecting' };
  /** @type {{ online: boolean, reason?: string | null }} */
  #source;
  #problem = '';
  #visible = false;

  /**
   * @param {Camera} camera
   * @param {string} name this viewer's name; empty for none
   * @param {Listener} listener
   */
  constructor(camera, name, listener) {
    this.#listener = listener;
    this.#name = name;
    this.#source = camera;
    this.#canvas.ariaHidden = 'true'; // the link's text has the title and the state
    this.#link.href = serviceUrl(camera.path);
    this.#screen = new Screen(this.#canvas, decoders, {
      drawn: ({ seq }) => {
        this.#connection.send(ack(seq));
        this.#setProblem('');
      },
      dropped: () => {}, // the ack of the packet that replaced it covers it
      failed: ({ seq }, error, inARow) => {
        this.#connection.send(ack(seq)); // without it the server would wait for it
        if (inARow >= MAX_DECODE_FAILURES) this.#setProblem(error.message);
      },
    });
    this.#connection = new Connection(socketAddress(serviceUrl(camera.path)), {
      state: (state) => {
        this.#connectionState = state;
        if (state.name !== 'live') this.#screen.clear();
        if (state.name === 'waiting') this.#listener.lost();
        this.#show();
      },
      packet: (packet) => {
        if (!packet.init && this.#visible) this.#screen.show(packet);
      },
      reply: (reply) => this.#handleReply(reply),
      problem: (error) => this.#setProblem(error.message),
    });
    this.#connection.start();
  }

  /** Whether the camera sends frames, as far as is known. */
  get online() {
    return this.#connectionState.name !== 'waiting' && this.#source.online;
  }

  /** Show the camera's title and its number, which is its key up to 9. @param {Camera} camera @param {number} number from 1 */
  update({ title, online, reason }, number) {
    this.#title.textContent = title;
    this.#key.textContent = String(number);
    this.#key.hidden = number > 9;
    if (number <= 9) this.#link.setAttribute('aria-keyshortcuts', String(number));
    else this.#link.removeAttribute('aria-keyshortcuts');
    if (this.#connectionState.name !== 'live') this.#setSource({ online, reason }); // else the connection knows better
  }

  /** Request frames, or stop them. @param {boolean} visible */
  setVisible(visible) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    if (this.#connectionState.name !== 'live') return; // requested with the welcome
    if (visible) this.#watch();
    else this.#connection.send(unwatch());
  }

  /** Reconnect without waiting for the end of the pause. */
  tryNow() {
    this.#connection.tryNow();
  }

  /** Close the connection and remove the tile. */
  close() {
    this.#connection.stop();
    this.#screen.clear();
    this.element.remove();
  }

  /** @param {Reply} reply */
  #handleReply(reply) {
    if (reply.type === 'welcome') {
      this.#setSource(reply.source);
      if (this.#visible) this.#watch();
      if (this.#name && (reply.may ?? ['control']).includes('control')) this.#connection.send(nameMessage(this.#name));
      this.#listener.welcome(reply);
    } else if (reply.type === 'source') {
      this.#setSource(reply);
    } else if (reply.type === 'error') {
      this.#setProblem(reply.message);
    }
  }

  #watch() {
    const options = { accept: [...decoders.keys()], fps: FPS, width: WIDTH, quality: QUALITY };
    this.#connection.request(watch(options)).catch((/** @type {Error} */ error) => this.#setProblem(error.message));
  }

  /** @param {Pick<Source, 'online' | 'reason'>} source */
  #setSource({ online, reason = null }) {
    this.#source = { online, reason };
    this.#show();
  }

  /** @param {string} problem */
  #setProblem(problem) {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#show();
  }

  #show() {
    const { state, text, notice } = describe(this.#connectionState, this.#source, this.#problem);
    this.element.dataset.state = state;
    this.#state.textContent = text;
    this.#notice.textContent = notice;
    this.#notice.hidden = !notice;
    this.#listener.changed();
  }
}
