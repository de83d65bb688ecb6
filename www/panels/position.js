/**
 * Where a caption's box lies on the picture. All lengths are fractions of the picture's own width and height.
 *
 * @import { Anchor } from '../stream/protocol.js'
 *
 * @typedef {{ left: number, top: number, width: number, height: number }} Box
 * @typedef {{ x: number, y: number, anchor: Anchor }} Place
 */

const MARGIN_X = 0.02;
const MARGIN_Y = 0.03;
const NARROWEST = 0.25; // even close to the picture's edge

/** How far along a box, in width and in height, its anchor lies: 0, a half or 1. @param {Anchor} anchor @returns {[number, number]} */
export function shares(anchor) {
  const along = anchor.includes('left') ? 0 : anchor.includes('right') ? 1 : 0.5;
  const down = anchor.includes('top') ? 0 : anchor.includes('bottom') ? 1 : 0.5;
  return [along, down];
}

/** How wide a caption may be there before its lines are broken: the service's rule. @param {Place} place */
export function roomAt({ x, anchor }) {
  const [along] = shares(anchor);
  return Math.max(NARROWEST, { 0: 1 - x, 0.5: 2 * Math.min(x, 1 - x), 1: x }[along] ?? 0);
}

/** The usual place for an anchor: near that edge or corner, with a margin. @param {Anchor} anchor @returns {Place} */
export function usual(anchor) {
  const [along, down] = shares(anchor);
  return { x: round(MARGIN_X + along * (1 - 2 * MARGIN_X)), y: round(MARGIN_Y + down * (1 - 2 * MARGIN_Y)), anchor };
}

/**
 * The place of a box that was put somewhere: moved inside the picture, and anchored at the third of the picture where
 * its middle is, so that a text that grows later grows away from the nearest edge.
 * @param {Box} box
 * @returns {Place}
 */
export function placeOf({ left, top, width, height }) {
  const x = clamp(left, 1 - width);
  const y = clamp(top, 1 - height);
  const along = third(x + width / 2);
  const down = third(y + height / 2);
  const vertical = ['top', '', 'bottom'][down * 2];
  const horizontal = ['left', '', 'right'][along * 2];
  const anchor = /** @type {Anchor} */ ([vertical, horizontal].filter(Boolean).join('-') || 'center');
  return { x: round(clamp(x + along * width, 1)), y: round(clamp(y + down * height, 1)), anchor };
}

/**
 * Where the next caption goes when one has been put somewhere: past it, away from its edge, in the same column; back
 * at the edge when there is no room left.
 * @param {Place} place
 * @param {number} height of the caption that is there now
 * @returns {Place}
 */
export function past({ x, y, anchor }, height) {
  const [, down] = shares(anchor);
  const next = y + (height + MARGIN_Y / 2) * (down === 1 ? -1 : 1);
  const room = down === 1 ? next - height : 1 - next - height * (1 - down);
  return { x, y: room >= 0 ? round(next) : usual(anchor).y, anchor };
}

/** @param {number} at @returns {0 | 0.5 | 1} */
const third = (at) => (at < 1 / 3 ? 0 : at > 2 / 3 ? 1 : 0.5);

// A box larger than the picture starts at its edge.
/** @param {number} at @param {number} most */
const clamp = (at, most) => Math.max(0, Math.min(at, most));

// A tenth of a pixel of a 1000 pixel picture: finer is noise in a form and on the wire.
/** @param {number} number */
const round = (number) => Math.round(number * 10_000) / 10_000;
