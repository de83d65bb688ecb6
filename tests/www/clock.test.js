/** The offset of the server's clock, from ping and pong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerClock } from '../../www/stream/clock.js';

test('before the first pong the age is unknown', () => {
  assert.equal(new ServerClock().age(1, 2), null);
});

test('the time of the server belongs to the middle of the round trip', () => {
  const clock = new ServerClock();
  clock.add(1000, 1010, 5_005_000); // at 1005 here it was 5005 ms there
  assert.equal(clock.offset, 4000);
  assert.equal(clock.roundTrip, 10);
  assert.equal(clock.age(5_010_000, 1030), 20);
});

test('the sample with the shortest round trip is used', () => {
  const clock = new ServerClock();
  clock.add(0, 100, 4_090_000); // a slow way back: off by 40
  clock.add(200, 204, 4_202_000);
  clock.add(300, 500, 4_310_000);
  assert.equal(clock.offset, 4000);
});

test('old samples are removed, so that the offset follows clocks that drift', () => {
  const clock = new ServerClock();
  clock.add(0, 1, 500);
  for (let n = 1; n <= 16; n += 1) clock.add(n * 1000, n * 1000 + 8, n * 1_000_000 + 14_000); // now 10 ms ahead
  assert.equal(clock.offset, 10);
});

test('an age is never negative', () => {
  const clock = new ServerClock();
  clock.add(0, 10, 5000);
  assert.equal(clock.age(99_000, 0), 0);
});

test('a pong that answers no ping of this page is ignored', () => {
  const clock = new ServerClock();
  clock.add(100, 90, 5000);
  clock.add(NaN, 90, 5000);
  assert.equal(clock.offset, null);
});

test('after a reset the offset is unknown', () => {
  const clock = new ServerClock();
  clock.add(0, 10, 5000);
  clock.reset();
  assert.equal(clock.offset, null);
});
