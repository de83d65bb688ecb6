/** When the page tries again, where it connects, and which answer belongs to which question. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Answers, pauseBefore, socketAddress } from '../../www/stream/connection.js';

test('pauses double from a quarter of a second to ten seconds', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => pauseBefore(attempt, 1));
  assert.deepEqual(longest, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('chance takes off at most half of a pause', () => {
  for (const attempt of [0, 3, 9]) {
    assert.equal(pauseBefore(attempt, 0), pauseBefore(attempt, 1) / 2);
    assert.ok(pauseBefore(attempt, 0.5) < pauseBefore(attempt, 0.6));
  }
});

test('the websocket is beside the page, whatever prefix it came through', () => {
  assert.equal(socketAddress('http://pi.local:8000/'), 'ws://pi.local:8000/ws');
  assert.equal(socketAddress('https://home.example/camera/garden/'), 'wss://home.example/camera/garden/ws');
  assert.equal(socketAddress('http://pi.local/cam/index.html?a=b#c'), 'ws://pi.local/cam/ws');
});

test('an answer finds its question, whichever comes first', async () => {
  const answers = new Answers();
  const first = answers.expect(1);
  const second = answers.expect('c1');
  assert.equal(answers.settle({ type: 'ok', re: 'c1' }), true);
  assert.equal(answers.settle({ type: 'error', re: 1, code: 'limit', message: 'no room for another' }), true);
  await assert.rejects(first, { message: 'no room for another' });
  assert.deepEqual(await second, { type: 'ok', re: 'c1' });
});

test('an answer that nobody waits for, or that is none, is left to others', () => {
  const answers = new Answers();
  assert.equal(answers.settle({ type: 'ok', re: 7 }), false);
  assert.equal(answers.settle({ type: 'error', code: 'bad-message', message: 'what?' }), false);
  assert.equal(answers.settle({ type: 'pong', sent: 1, clock: 2, utc: '' }), false);
});

test('the same question twice has one answer', async () => {
  const answers = new Answers();
  const both = Promise.all([answers.expect('c1'), answers.expect('c1')]);
  answers.settle({ type: 'ok', re: 'c1' });
  assert.equal((await both).length, 2);
});

test('a lost connection answers everything that was asked', async () => {
  const answers = new Answers();
  const asked = [answers.expect(1), answers.expect(2)];
  answers.giveUp('lost');
  for (const one of asked) await assert.rejects(one, { message: 'lost' });
});

test('giving up on one question leaves the others', async () => {
  const answers = new Answers();
  const slow = answers.expect(1);
  const other = answers.expect(2);
  answers.giveUp('too slow', 1);
  await assert.rejects(slow, { message: 'too slow' });
  answers.settle({ type: 'ok', re: 2 });
  await other;
});
