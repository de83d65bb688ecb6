/** Planes to pixels, compared with the formula of JFIF, computed here in integers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pixelsFromPlanes } from '../../www/stream/decoders/i420-pixels.js';

/** ITU-T T.871 clause 7, in millionths, so that nothing but the last step rounds. @param {number} y @param {number} cb @param {number} cr */
function rgb(y, cb, cr) {
  const million = 1_000_000;
  return [
    y * million + 1_402_000 * (cr - 128),
    y * million - 344_136 * (cb - 128) - 714_136 * (cr - 128),
    y * million + 1_772_000 * (cb - 128),
  ].map((number) => Math.min(255, Math.max(0, Math.round(number / million))));
}

/** @param {ArrayLike<number>} got @param {number[]} expected @param {string} what */
function near(got, expected, what) {
  expected.forEach((value, n) => assert.ok(Math.abs((got[n] ?? NaN) - value) <= 1, `${what}: ${[...Array.from(got)]} is not ${expected}`));
}

test('black is 0 and white is 255', () => {
  const planes = Uint8Array.from([0, 255, 0, 255, 128, 128]);
  const black = [0, 0, 0, 255];
  const white = [255, 255, 255, 255];
  assert.deepEqual([...pixelsFromPlanes(planes, 2, 2)], [...black, ...white, ...black, ...white]);
});

test('pure colours come back within a rounding', () => {
  // Y, Cb, Cr of the six corners of the colour cube, by the inverse formula of T.871.
  for (const [planes, colour] of /** @type {const} */ ([
    [[76, 85, 255], [254, 0, 0]], [[150, 44, 21], [0, 255, 1]], [[29, 255, 107], [0, 0, 254]],
    [[226, 0, 149], [255, 255, 0]], [[179, 171, 0], [0, 255, 255]], [[105, 212, 235], [255, 0, 254]],
  ])) {
    const [y, cb, cr] = planes;
    near(pixelsFromPlanes(Uint8Array.from([y, y, y, y, cb, cr]), 2, 2).slice(0, 3), [...colour], `Y ${y}`);
  }
});

test('every combination of a coarse grid is the formula, rounded to the nearest', () => {
  for (let y = 0; y < 256; y += 15) {
    for (let cb = 0; cb < 256; cb += 17) {
      for (let cr = 0; cr < 256; cr += 17) {
        const pixels = pixelsFromPlanes(Uint8Array.from([y, y, y, y, cb, cr]), 2, 2);
        near(pixels.slice(12, 15), rgb(y, cb, cr), `${y} ${cb} ${cr}`);
        assert.equal(pixels[15], 255);
      }
    }
  }
});

test('each pixel takes the chroma of its own block, and rows run top down', () => {
  const [width, height] = [6, 4];
  const luma = Array.from({ length: width * height }, (_none, n) => 60 + n * 5);
  const blues = [90, 128, 170, 100, 140, 180];
  const reds = [170, 128, 90, 150, 120, 100];
  const pixels = pixelsFromPlanes(Uint8Array.from([...luma, ...blues, ...reds]), width, height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const at = row * width + column;
      const block = (row >> 1) * 3 + (column >> 1);
      const expected = rgb(luma[at] ?? 0, blues[block] ?? 0, reds[block] ?? 0);
      near(pixels.slice(at * 4, at * 4 + 3), expected, `row ${row}, column ${column}`);
    }
  }
});
