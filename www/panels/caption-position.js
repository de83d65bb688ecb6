/**
 * Positions of captions. All lengths are fractions of the picture's width and height.
 *
 * @import { Anchor } from '../stream/protocol.js'
 *
 * @typedef {{ left: number, top: number, width: number, height: number }} Box
 * @typedef {{ x: number, y: number, anchor: Anchor }} Position
 */

const MARGIN_X = 0.02;
const MARGIN_Y = 0.03;
const MIN_WIDTH = 0.25; // also close to the picture's edge
const ROUND_TO = 10_000; // a tenth of a pixel in a picture of 1000 pixels

/** The anchor as fractions of the box's width and height: 0, 0.5 or 1. @param {Anchor} anchor @returns {[number, number]} */
export function anchorFractions(anchor) {
  const fractionX = anchor.includes('left') ? 0 : anchor.includes('right') ? 1 : 0.5;
  const fractionY = anchor.includes('top') ? 0 : anchor.includes('bottom') ? 1 : 0.5;
  return [fractionX, fractionY];
}

/** The width at which a caption's lines are broken, by the same rule as the service's. @param {Position} position */
export function maxWidth({ x, anchor }) {
  const [fractionX] = anchorFractions(anchor);
  return Math.max(MIN_WIDTH, { 0: 1 - x, 0.5: 2 * Math.min(x, 1 - x), 1: x }[fractionX] ?? 0);
}

/** The default position for an anchor: at that edge or corner, with a margin. @param {Anchor} anchor @returns {Position} */
export function defaultPosition(anchor) {
  const [fractionX, fractionY] = anchorFractions(anchor);
  return {
    x: round(MARGIN_X + fractionX * (1 - 2 * MARGIN_X)), y: round(MARGIN_Y + fractionY * (1 - 2 * MARGIN_Y)), anchor,
  };
}

/**
 * The position of a box after it was moved. The box is moved into the picture. The anchor is that third of the picture
 * that has the middle of the box, so that a text that becomes longer grows away from the nearest edge.
 * @param {Box} box
 * @returns {Position}
 */
export function positionOf({ left, top, width, height }) {
  const x = clamp(left, 1 - width);
  const y = clamp(top, 1 - height);
  const fractionX = third(x + width / 2);
  const fractionY = third(y + height / 2);
  const vertical = ['top', '', 'bottom'][fractionY * 2];
  const horizontal = ['left', '', 'right'][fractionX * 2];
  const anchor = /** @type {Anchor} */ ([vertical, horizontal].filter(Boolean).join('-') || 'center');
  return { x: round(clamp(x + fractionX * width, 1)), y: round(clamp(y + fractionY * height, 1)), anchor };
}

/**
 * The position for the next caption: below the last one, or above it if that is at the bottom. If there is no space
 * left, the default position.
 * @param {Position} position of the last caption
 * @param {number} height of the last caption
 * @returns {Position}
 */
export function nextPosition({ x, y, anchor }, height) {
  const [, fractionY] = anchorFractions(anchor);
  const next = y + (height + MARGIN_Y / 2) * (fractionY === 1 ? -1 : 1);
  const space = fractionY === 1 ? next - height : 1 - next - height * (1 - fractionY);
  return { x, y: space >= 0 ? round(next) : defaultPosition(anchor).y, anchor };
}

/** @param {number} at @returns {0 | 0.5 | 1} */
const third = (at) => (at < 1 / 3 ? 0 : at > 2 / 3 ? 1 : 0.5);

// A box that is larger than the picture starts at its left or top edge.
/** @param {number} at @param {number} max */
const clamp = (at, max) => Math.max(0, Math.min(at, max));

/** @param {number} number */
const round = (number) => Math.round(number * ROUND_TO) / ROUND_TO;
