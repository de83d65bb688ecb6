/** The page's protocol module, with the same vectors as the service's tests. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { BadMessage, ack, deleteCaption, name, parsePacket, parseReply, ping, putCaption, say, watch } from '../../www/stream/protocol.js';

const vectors = JSON.parse(readFileSync(new URL('../vectors/frames.json', import.meta.url), 'utf8'));

/** @param {string} hex @returns {ArrayBuffer} */
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)).buffer;

/** @param {ArrayBufferView} view */
const hex = (view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');

for (const { name: title, bytes: text, header, payload, ...expected } of vectors.good) {
  test(`a frame is read: ${title}`, () => {
    const message = bytes(text);
    const { payload: got, ...fields } = parsePacket(message);
    assert.deepEqual(fields, expected);
    assert.equal(hex(got), payload);
    assert.equal(got.byteOffset, header);
    assert.equal(got.buffer, message, 'the payload is a view, not a copy');
  });
}

for (const { name: title, bytes: text, error } of vectors.bad) {
  test(`a bad frame is refused: ${title}`, () => {
    assert.throws(() => parsePacket(bytes(text)), (/** @type {unknown} */ problem) => {
      assert.ok(problem instanceof BadMessage);
      assert.match(problem.message, new RegExp(error));
      return true;
    });
  });
}

test('there are vectors of both kinds', () => {
  assert.ok(vectors.good.length >= 7 && vectors.bad.length >= 5);
});

test('a message is read unchanged', () => {
  const said = { type: 'said', from: 'v7', name: 'Aki', text: 'hello', at: '2026-01-31T12:00:00Z' };
  assert.deepEqual(parseReply(JSON.stringify(said)), said);
});

test('an unknown type is ignored', () => {
  assert.equal(parseReply('{"type":"weather","rain":true}'), null);
  assert.equal(parseReply('{"type":"constructor"}'), null);
});

for (const [text, words] of [
  ['hello', /expected JSON, got "hello"/],
  ['[1]', /expected an object, got array/],
  ['{}', /type: expected a string/],
  ['{"type":"captions"}', /captions\.captions: expected array, got undefined/],
  ['{"type":"pong","sent":1,"clock":null}', /pong\.clock: expected number, got null/],
]) {
  test(`a bad message is refused: ${text}`, () => {
    assert.throws(() => parseReply(String(text)), { constructor: BadMessage, message: words });
  });
}

test('messages of the page follow the protocol', () => {
  assert.deepEqual(watch({ accept: ['jpeg', 'png'], fps: 30, width: 640, quality: 80 }), {
    type: 'watch', accept: ['jpeg', 'png'], fps: 30, width: 640, quality: 80, window: 2, acks: true,
  });
  // The server chooses the window only if the message has none.
  assert.deepEqual(watch({ accept: ['jpeg'], quality: 'auto' }), { type: 'watch', accept: ['jpeg'], quality: 'auto', acks: true });
  assert.deepEqual(ack(42), { type: 'ack', seq: 42 });
  assert.deepEqual(ping(12.5), { type: 'ping', sent: 12.5 });
  assert.deepEqual(say('hello'), { type: 'say', text: 'hello' });
  assert.deepEqual(name('Aki'), { type: 'name', name: 'Aki' });
  assert.deepEqual(deleteCaption('c1'), { type: 'caption.delete', id: 'c1' });
  const caption = {
    id: 'c1', text: 'Garage {time:%H:%M:%S}', x: 0.02, y: 0.03, anchor: /** @type {const} */ ('top-left'), size: 0.05,
    color: '#ffffff', background: '#00000080', font: 'sans', ttl: null,
  };
  assert.deepEqual(putCaption(caption), { type: 'caption.put', caption });
});

const { replies } = JSON.parse(readFileSync(new URL('../vectors/messages.json', import.meta.url), 'utf8'));

for (const reply of replies) {
  test(`a message about several cameras is read whole, or passed over if its type is not known: ${reply.type}`, () => {
    const read = parseReply(JSON.stringify(reply));
    assert.deepEqual(read, reply.type === 'welcome' ? reply : read && reply);
  });
}
