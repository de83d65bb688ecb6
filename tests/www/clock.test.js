/** The server's clock, told from ping and pong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerClock } from '../../www/stream/clock.js';

test('before any pong nobody knows an age', () => {
  assert.equal(new ServerClock().age(1, 2), null);
});

test('the offset is that of the middle of the round trip', () => {
  const clock = new ServerClock();
  clock.heard(1000, 1010, 5_005_000); // at 1005 here it was 5005 ms there
  assert.equal(clock.offset, 4000);
  assert.equal(clock.trip, 10);
  assert.equal(clock.age(5_010_000, 1030), 20);
});

test('the quickest round trip wins, whenever it came', () => {
  const clock = new ServerClock();
  clock.heard(0, 100, 4_090_000); // a slow way back: off by 40
  clock.heard(200, 204, 4_202_000);
  clock.heard(300, 500, 4_310_000);
  assert.equal(clock.offset, 4000);
});

test('an old sample is forgotten, so that drifting clocks stay together', () => {
  const clock = new ServerClock();
  clock.heard(0, 1, 500);
  for (let n = 1; n <= 16; n += 1) clock.heard(n * 1000, n * 1000 + 8, n * 1_000_000 + 14_000); // now 10 ms ahead
  assert.equal(clock.offset, 10);
});

test('a frame is never younger than nothing', () => {
  const clock = new ServerClock();
  clock.heard(0, 10, 5000);
  assert.equal(clock.age(99_000, 0), 0);
});

test('an answer to no question of ours is not believed', () => {
  const clock = new ServerClock();
  clock.heard(100, 90, 5000);
  clock.heard(NaN, 90, 5000);
  assert.equal(clock.offset, null);
});

test('another server is another clock', () => {
  const clock = new ServerClock();
  clock.heard(0, 10, 5000);
  clock.forget();
  assert.equal(clock.offset, null);
});
