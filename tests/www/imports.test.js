/** Imports point down: lib knows nothing of the stream, the stream nothing of the panels, and only main.js knows all. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const WWW = new URL('../../www/', import.meta.url);
const FOLDERS = ['lib/', 'stream/', 'panels/', 'overview/', '']; // each may import those before it; '' holds main.js

/** @param {string} path */
const level = (path) => FOLDERS.findIndex((folder) => path.startsWith(folder));

test('no module imports one of a folder above its own', () => {
  const modules = readdirSync(WWW, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
  assert.ok(modules.length > 30);
  for (const path of modules) {
    const text = readFileSync(new URL(path, WWW), 'utf8');
    for (const [, , imported] of text.matchAll(/(from|@import .* from) '(\.[^']*)'/g)) {
      const target = new URL(String(imported), new URL(path, WWW)).href.slice(WWW.href.length);
      assert.ok(modules.includes(target), `${path} imports ${target}, which is not there`);
      assert.ok(level(target) <= level(path), `${path} imports ${target}, which is above it`);
    }
  }
});
