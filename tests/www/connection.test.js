/** Pauses between attempts, the websocket's address, and the replies to requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PendingRequests, pauseBefore, socketAddress } from '../../www/stream/connection.js';

test('pauses double from a quarter of a second to ten seconds', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => pauseBefore(attempt, 1));
  assert.deepEqual(longest, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('the random part is at most half of the pause', () => {
  for (const attempt of [0, 3, 9]) {
    assert.equal(pauseBefore(attempt, 0), pauseBefore(attempt, 1) / 2);
    assert.ok(pauseBefore(attempt, 0.5) < pauseBefore(attempt, 0.6));
  }
});

test('the address of the websocket keeps the path prefix of the page', () => {
  assert.equal(socketAddress('http://pi.local:8000/'), 'ws://pi.local:8000/ws');
  assert.equal(socketAddress('https://home.example/camera/garden/'), 'wss://home.example/camera/garden/ws');
  assert.equal(socketAddress('http://pi.local/cam/index.html?a=b#c'), 'ws://pi.local/cam/ws');
});

test('replies may come in any order', async () => {
  const requests = new PendingRequests();
  const first = requests.add(1);
  const second = requests.add('c1');
  assert.equal(requests.settle({ type: 'ok', re: 'c1' }), true);
  assert.equal(requests.settle({ type: 'error', re: 1, code: 'limit', message: 'no room for another' }), true);
  await assert.rejects(first, { message: 'no room for another' });
  assert.deepEqual(await second, { type: 'ok', re: 'c1' });
});

test('a message that is no reply to a pending request is not consumed', () => {
  const requests = new PendingRequests();
  assert.equal(requests.settle({ type: 'ok', re: 7 }), false);
  assert.equal(requests.settle({ type: 'error', code: 'bad-message', message: 'what?' }), false);
  assert.equal(requests.settle({ type: 'pong', sent: 1, clock: 2, utc: '' }), false);
});

test('two requests with one id get the same reply', async () => {
  const requests = new PendingRequests();
  const both = Promise.all([requests.add('c1'), requests.add('c1')]);
  requests.settle({ type: 'ok', re: 'c1' });
  assert.equal((await both).length, 2);
});

test('all requests are rejected if the connection is lost', async () => {
  const requests = new PendingRequests();
  const asked = [requests.add(1), requests.add(2)];
  requests.reject('lost');
  for (const one of asked) await assert.rejects(one, { message: 'lost' });
});

test('rejecting one request keeps the others', async () => {
  const requests = new PendingRequests();
  const slow = requests.add(1);
  const other = requests.add(2);
  requests.reject('too slow', 1);
  await assert.rejects(slow, { message: 'too slow' });
  requests.settle({ type: 'ok', re: 2 });
  await other;
});
