/**
 * Decodes packets and draws them on a canvas. There are three places for one frame each; in each the newest wins: a
 * packet that waits for the decoder, a picture that waits for the next repaint, and the canvas.
 *
 * The first picture after a repaint is drawn at once, and the next repaint shows it; only a second one waits. So its ack
 * is sent half a repaint earlier on average.
 *
 * A frame is acknowledged when it is drawn, not when it arrives. So a page that is too slow, or hidden (the browser does
 * not repaint a hidden tab), gets no more frames until it has drawn one. When the tab is visible again, the pending
 * repaint runs, and its ack starts the stream again.
 *
 * @import { Encoding, Packet } from './protocol.js'
 * @import { Decoder, Picture } from './decoders/picture.js'
 *
 * After `drawn` and `failed` the packet is done with and should be acknowledged. After `dropped` it need not be: the ack
 * of the packet that replaced it covers it.
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
  #generation = 0; // number of connections: a frame that an earlier one left in the decoder is not drawn

  /** @param {HTMLCanvasElement} canvas @param {ReadonlyMap<Encoding, Decoder>} decoders @param {Listener} listener */
  constructor(canvas, decoders, listener) {
    const context = canvas.getContext('2d', { alpha: false, colorSpace: 'srgb' });
    if (!context) throw new Error('This browser has no 2D canvas.');
    this.#canvas = canvas;
    this.#context = context;
    this.#decoders = decoders;
    this.#listener = listener;
  }

  /** Draw this packet, unless a newer one arrives first. @param {Packet} packet */
  show(packet) {
    if (this.#packet) this.#listener.dropped(this.#packet);
    this.#packet = packet;
    if (!this.#decoding) void this.#decode();
  }

  /** Discard the packets that wait, because their connection is lost. The canvas stays as it is. */
  clear() {
    this.#generation += 1;
    this.#packet = null;
    this.#next?.picture.close();
    this.#next = null;
    this.#failures = 0;
  }

  async #decode() {
    this.#decoding = true;
    while (this.#packet) {
      const packet = this.#packet;
      const generation = this.#generation;
      this.#packet = null;
      try {
        const decoder = this.#decoders.get(packet.encoding);
        if (!decoder) throw new Error(`this page has no decoder for ${packet.encoding}`);
        const picture = await decoder(packet);
        if (generation === this.#generation) this.#offer(packet, picture);
        else picture.close();
      } catch (error) {
        if (generation === this.#generation) this.#fail(packet, error);
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
      // Setting the width or height clears the canvas, even if the value is the same.
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
