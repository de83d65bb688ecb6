/** The numbers in the bar. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Meter, median, rate } from '../../www/stream/meter.js';

test('the median is the middle one, or between the two middle ones', () => {
  assert.equal(median([]), null);
  assert.equal(median([5]), 5);
  assert.equal(median([9, 1, 100]), 9);
  assert.equal(median([4, 1, 100, 2]), 3);
});

test('the rate is the number of intervals over their total time', () => {
  assert.equal(rate([], 9), 0);
  assert.equal(rate([7], 9), 0);
  assert.equal(rate([7, 7], 9), 0);
  assert.equal(rate([0, 100, 200, 300], 300), 10);
  assert.equal(rate([0, 100, 200, 300], 399), 10);
});

test('the rate falls when no new frames are drawn', () => {
  assert.equal(rate([0, 100, 200, 300], 1100), 3);
});

test('30 frames per second read as 30 at any moment', () => {
  const meter = new Meter();
  for (let n = 0; n < 90; n += 1) meter.drawn(12, (n * 1000) / 30);
  for (const now of [2970, 2980, 2999]) assert.ok(Math.abs(meter.read(now).fps - 30) < 1e-9);
});

test('one frame per second reads as 1', () => {
  const meter = new Meter();
  for (const at of [0, 1000, 2000]) meter.drawn(12, at);
  assert.equal(meter.read(2500).fps, 1);
});

test('without new frames every number but the drops goes back to nothing', () => {
  const meter = new Meter();
  for (const at of [0, 100, 200]) {
    meter.arrived(1000, at);
    meter.drawn(12, at);
  }
  meter.dropped();
  assert.deepEqual(meter.read(5000), { fps: 0, age: null, dropped: 1, bytesPerSecond: 0 });
});

test('bytes are those of the last second', () => {
  const meter = new Meter();
  meter.arrived(5000, 0);
  meter.arrived(100, 1200);
  meter.arrived(20, 2000);
  assert.equal(meter.read(2100).bytesPerSecond, 120);
});

test('the age is the median of the last second; unknown ages are skipped', () => {
  const meter = new Meter();
  meter.drawn(900, 0);
  meter.drawn(null, 1500);
  meter.drawn(10, 1600);
  meter.drawn(500, 1700); // one straggler moves a mean, not a median
  meter.drawn(12, 1800);
  assert.equal(meter.read(1900).age, 12);
});

test('the lists are bounded, even if the meter is never read', () => {
  const meter = new Meter();
  for (let n = 0; n < 1000; n += 1) meter.arrived(1, n * 100);
  assert.ok(meter.read(99_900).bytesPerSecond <= 11);
});
