/**
 * Packets to pixels on the canvas. Three places, each for one, newest wins in each: a packet that waits for its decoder,
 * a picture that waits for the browser's next repaint, and what is on the canvas.
 *
 * The first picture since the last repaint is drawn at once, and is on the screen with the next one; only a second one
 * has to wait. So its ack, and what it lets go, is half a repaint earlier on average, and no repaint is just missed.
 *
 * A frame is acknowledged when it is drawn, not when it comes: a page that cannot keep up, or that nobody looks at
 * (the browser repaints no hidden tab), gets no more until it can. Nothing needs to be done when the tab is shown
 * again: the repaint that was asked for happens, and its ack sets everything going.
 *
 * @import { Encoding, Packet } from './protocol.js'
 * @import { Decoder, Picture } from './decoders/picture.js'
 *
 * `drawn` and `failed` both mean that the packet is dealt with and may be acknowledged.
 * @typedef {{
 *   drawn(packet: Packet): void, dropped(packet: Packet): void, failed(packet: Packet, error: Error, inARow: number): void,
 * }} Listener
 */

export class Screen {
  #canvas;
  #context;
  #decoders;
  #listener;
  /** @type {Packet | null} */
  #packet = null;
  /** @type {{ packet: Packet, picture: Picture } | null} */
  #next = null;
  #decoding = false;
  #repaint = 0;
  #failures = 0;
  #life = 0; // counts connections: what an earlier one left in a decoder is not shown on a later one

  /** @param {HTMLCanvasElement} canvas @param {ReadonlyMap<Encoding, Decoder>} decoders @param {Listener} listener */
  constructor(canvas, decoders, listener) {
    const context = canvas.getContext('2d', { alpha: false, colorSpace: 'srgb' });
    if (!context) throw new Error('This browser cannot draw on a canvas.');
    this.#canvas = canvas;
    this.#context = context;
    this.#decoders = decoders;
    this.#listener = listener;
  }

  /** Show this, unless a newer one comes before it can be. @param {Packet} packet */
  show(packet) {
    if (this.#packet) this.#listener.dropped(this.#packet);
    this.#packet = packet;
    if (!this.#decoding) void this.#decode();
  }

  /** Forget what waits: its connection is gone. What is on the canvas stays. */
  clear() {
    this.#life += 1;
    this.#packet = null;
    this.#next?.picture.close();
    this.#next = null;
    this.#failures = 0;
  }

  async #decode() {
    this.#decoding = true;
    while (this.#packet) {
      const packet = this.#packet;
      const life = this.#life;
      this.#packet = null;
      try {
        const decoder = this.#decoders.get(packet.encoding);
        if (!decoder) throw new Error(`this page cannot show ${packet.encoding}`);
        const picture = await decoder(packet);
        if (life === this.#life) this.#offer(packet, picture);
        else picture.close();
      } catch (error) {
        if (life === this.#life) this.#fail(packet, error);
      }
    }
    this.#decoding = false;
  }

  /** @param {Packet} packet @param {Picture} picture */
  #offer(packet, picture) {
    if (this.#next) {
      this.#next.picture.close();
      this.#listener.dropped(this.#next.packet);
    }
    this.#next = { packet, picture };
    if (!this.#repaint && !document.hidden) this.#draw();
    this.#repaint ||= requestAnimationFrame(() => {
      this.#repaint = 0;
      this.#draw();
    });
  }

  #draw() {
    if (!this.#next) return;
    const { packet, picture } = this.#next;
    this.#next = null;
    try {
      const canvas = this.#canvas;
      // Setting a side clears the canvas, even to what it is.
      if (canvas.width !== packet.width) canvas.width = packet.width;
      if (canvas.height !== packet.height) canvas.height = packet.height;
      picture.draw(this.#context);
      canvas.dataset.seq = String(packet.seq);
      canvas.dataset.encoding = packet.encoding;
      canvas.dataset.captured = String(packet.captured);
      canvas.dataset.offline = String(packet.offline);
    } catch (error) {
      this.#fail(packet, error);
      return;
    } finally {
      picture.close();
    }
    this.#failures = 0;
    this.#listener.drawn(packet);
  }

  /** @param {Packet} packet @param {unknown} error */
  #fail(packet, error) {
    this.#failures += 1;
    this.#listener.failed(packet, error instanceof Error ? error : new Error(String(error)), this.#failures);
  }
}
