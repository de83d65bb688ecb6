/**
 * The caption being written, shown on the picture in a dashed frame before it is there: drag it, tap where it should
 * be, or move it with the arrow keys.
 *
 * @import { CaptionDraft } from '../stream/protocol.js'
 * @import { Box, Place } from './position.js'
 */
import { find } from '../lib/dom.js';
import { placeOf, roomAt, shares } from './position.js';

const STEP = 0.01;
const STRIDE = 0.05;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAMILIES = new Map([['serif', 'serif'], ['mono', 'monospace']]);

export class Draft {
  #view = find('view', HTMLElement);
  #box = find('draft', HTMLElement);
  #moved;
  /** Where in the box the finger holds it, in fractions of the picture. @type {[number, number] | null} */
  #held = null;

  /** @param {(place: Place) => void} moved */
  constructor(moved) {
    this.#moved = moved;
    this.#view.addEventListener('pointerdown', (event) => this.#take(event));
    this.#view.addEventListener('pointermove', (event) => this.#drag(event));
    for (const end of ['pointerup', 'pointercancel']) this.#view.addEventListener(end, () => (this.#held = null));
    this.#box.addEventListener('keydown', (event) => this.#push(event));
  }

  /** Show what is being written. Empty: a tap still says where it will be. @param {CaptionDraft | 'empty' | 'closed'} caption */
  show(caption) {
    const box = this.#box;
    const none = caption === 'empty' || caption === 'closed';
    box.hidden = none;
    this.#view.classList.toggle('placing', caption !== 'closed');
    if (none) return;
    const [along, down] = shares(caption.anchor);
    box.textContent = caption.text || 'Your caption';
    box.style.left = `${caption.x * 100}%`;
    box.style.top = `${caption.y * 100}%`;
    box.style.transform = `translate(${-along * 100}%, ${-down * 100}%)`;
    box.style.textAlign = ['left', 'center', 'right'][along * 2] ?? 'left';
    box.style.setProperty('--line', `${caption.size * 100}cqh`);
    box.style.setProperty('--room', `${roomAt(caption) * 100}cqw`);
    box.style.color = caption.color;
    box.style.backgroundColor = caption.background;
    box.style.fontFamily = FAMILIES.get(caption.font) ?? 'sans-serif';
    this.#fit();
  }

  // The service's box is as wide as its widest line, where a browser's keeps all its room once a line is broken.
  #fit() {
    this.#box.style.width = '';
    const lines = document.createRange();
    lines.selectNodeContents(this.#box);
    const { paddingLeft, paddingRight } = getComputedStyle(this.#box);
    const width = lines.getBoundingClientRect().width + parseFloat(paddingLeft) + parseFloat(paddingRight) + 1; // a pixel for rounding
    this.#box.style.width = `${(width / this.#view.clientWidth) * 100}cqw`;
  }

  /** How high what is being written is now, its broken lines included; 0 while it is not shown. */
  get height() {
    return this.#boxNow().height;
  }

  /** @param {PointerEvent} event */
  #take(event) {
    if (!this.#view.classList.contains('placing') || event.button !== 0) return;
    const [x, y] = this.#at(event);
    if (this.#box.hidden) this.#put({ left: x, top: y, width: 0, height: 0 }); // it has a size only once it is shown
    const box = this.#boxNow();
    const onBox = event.target === this.#box;
    this.#held = onBox ? [x - box.left, y - box.top] : [box.width / 2, box.height / 2];
    this.#view.setPointerCapture(event.pointerId);
    this.#drag(event);
    this.#box.focus({ preventScroll: true });
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (!this.#held) return;
    const [x, y] = this.#at(event);
    this.#put({ ...this.#boxNow(), left: x - this.#held[0], top: y - this.#held[1] });
  }

  /** @param {KeyboardEvent} event */
  #push(event) {
    const arrow = ARROWS[event.key];
    if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = event.shiftKey ? STRIDE : STEP;
    const box = this.#boxNow();
    this.#put({ ...box, left: box.left + arrow[0] * step, top: box.top + arrow[1] * step });
  }

  /** @param {Box} box */
  #put(box) {
    this.#moved(placeOf(box));
  }

  /** @returns {Box} */
  #boxNow() {
    const view = this.#view.getBoundingClientRect();
    const box = this.#box.getBoundingClientRect();
    return {
      left: (box.left - view.left) / view.width,
      top: (box.top - view.top) / view.height,
      width: box.width / view.width,
      height: box.height / view.height,
    };
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  #at(event) {
    const view = this.#view.getBoundingClientRect();
    return [(event.clientX - view.left) / view.width, (event.clientY - view.top) / view.height];
  }
}
