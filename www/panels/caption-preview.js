/**
 * A preview of the caption in the form, shown on the picture in a dashed frame. The user moves it by dragging, by a tap on
 * the picture, or with the arrow keys.
 *
 * @import { CaptionDraft } from '../stream/protocol.js'
 * @import { Box, Position } from './caption-position.js'
 */
import { find } from '../lib/dom.js';
import { anchorFractions, maxWidth, positionOf } from './caption-position.js';

const STEP = 0.01;
const LARGE_STEP = 0.05; // with Shift
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FONT_FAMILIES = new Map([['serif', 'serif'], ['mono', 'monospace']]);

export class CaptionPreview {
  #view = find('view', HTMLElement);
  #box = find('preview', HTMLElement);
  #moved;
  /** The pointer's place in the box while it is dragged, in fractions of the picture. @type {[number, number] | null} */
  #grip = null;

  /** @param {(position: Position) => void} moved called when the user moved it */
  constructor(moved) {
    this.#moved = moved;
    this.#view.addEventListener('pointerdown', (event) => this.#startDrag(event));
    this.#view.addEventListener('pointermove', (event) => this.#drag(event));
    for (const end of ['pointerup', 'pointercancel']) this.#view.addEventListener(end, () => (this.#grip = null));
    this.#box.addEventListener('keydown', (event) => this.#moveByKey(event));
  }

  /**
   * Show a caption. With 'empty' nothing is shown, and a tap on the picture sets the position; with 'closed' taps are
   * ignored.
   * @param {CaptionDraft | 'empty' | 'closed'} caption
   */
  show(caption) {
    const box = this.#box;
    const none = caption === 'empty' || caption === 'closed';
    box.hidden = none;
    this.#view.classList.toggle('placing', caption !== 'closed');
    if (none) return;
    const [fractionX, fractionY] = anchorFractions(caption.anchor);
    box.textContent = caption.text || 'Your caption';
    box.style.left = `${caption.x * 100}%`;
    box.style.top = `${caption.y * 100}%`;
    box.style.transform = `translate(${-fractionX * 100}%, ${-fractionY * 100}%)`;
    box.style.textAlign = ['left', 'center', 'right'][fractionX * 2] ?? 'left';
    box.style.setProperty('--line', `${caption.size * 100}cqh`);
    box.style.setProperty('--max-width', `${maxWidth(caption) * 100}cqw`);
    box.style.color = caption.color;
    box.style.backgroundColor = caption.background;
    box.style.fontFamily = FONT_FAMILIES.get(caption.font) ?? 'sans-serif';
    this.#fitWidth();
  }

  // The service makes the box as wide as its longest line. A browser gives it all the available width if a line is broken.
  #fitWidth() {
    this.#box.style.width = '';
    const lines = document.createRange();
    lines.selectNodeContents(this.#box);
    const { paddingLeft, paddingRight } = getComputedStyle(this.#box);
    const width = lines.getBoundingClientRect().width + parseFloat(paddingLeft) + parseFloat(paddingRight) + 1; // 1 for rounding
    this.#box.style.width = `${(width / this.#view.clientWidth) * 100}cqw`;
  }

  /** Its height, with all lines, as a fraction of the picture; 0 if it is not shown. */
  get height() {
    return this.#boxNow().height;
  }

  /** @param {PointerEvent} event */
  #startDrag(event) {
    if (!this.#view.classList.contains('placing') || event.button !== 0) return;
    const [x, y] = this.#pointIn(event);
    if (this.#box.hidden) this.#put({ left: x, top: y, width: 0, height: 0 }); // it has a size only when it is shown
    const box = this.#boxNow();
    const onBox = event.target === this.#box;
    this.#grip = onBox ? [x - box.left, y - box.top] : [box.width / 2, box.height / 2];
    this.#view.setPointerCapture(event.pointerId);
    this.#drag(event);
    this.#box.focus({ preventScroll: true });
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (!this.#grip) return;
    const [x, y] = this.#pointIn(event);
    this.#put({ ...this.#boxNow(), left: x - this.#grip[0], top: y - this.#grip[1] });
  }

  /** @param {KeyboardEvent} event */
  #moveByKey(event) {
    const arrow = ARROWS[event.key];
    if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const box = this.#boxNow();
    this.#put({ ...box, left: box.left + arrow[0] * step, top: box.top + arrow[1] * step });
  }

  /** @param {Box} box */
  #put(box) {
    this.#moved(positionOf(box));
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

  /** The pointer as fractions of the picture. @param {PointerEvent} event @returns {[number, number]} */
  #pointIn(event) {
    const view = this.#view.getBoundingClientRect();
    return [(event.clientX - view.left) / view.width, (event.clientY - view.top) / view.height];
  }
}
