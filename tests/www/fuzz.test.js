/** The page's parsers read the fuzzing corpus of the service: each input is parsed, or refused with BadMessage. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { BadMessage, parsePacket, parseReply } from '../../www/stream/protocol.js';

/** @param {string} target @returns {Buffer[]} */
const corpus = (target) => {
  const folder = new URL(`../fuzz/corpus/${target}/`, import.meta.url);
  const found = readdirSync(folder).map((name) => readFileSync(new URL(name, folder)));
  assert.ok(found.length > 0);
  return found;
};

/** @param {() => unknown} parse */
const standing = (parse) => {
  try {
    parse();
  } catch (problem) {
    assert.ok(problem instanceof BadMessage, String(problem));
  }
};

/** The bytes, and these cut after each of them. @param {Buffer} data @returns {Buffer[]} */
const cut = (data) => Array.from({ length: Math.min(data.length, 200) + 1 }, (_, end) => data.subarray(0, end)).concat(data);

test('any bytes are a frame or a bad message', () => {
  for (const data of corpus('frame').flatMap(cut)) standing(() => parsePacket(Uint8Array.from(data).buffer));
});

test('any text is a message or a bad one', () => {
  for (const data of [...corpus('reply'), ...corpus('request'), ...corpus('caption')].flatMap(cut)) {
    standing(() => parseReply(data.toString()));
  }
});
