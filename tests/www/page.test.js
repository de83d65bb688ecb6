/** The page's other rules: where captions go, what is asked for, how numbers and colours are written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { join, split } from '../../www/lib/colour.js';
import { past, placeOf, roomAt, shares, usual } from '../../www/panels/position.js';
import { wishes } from '../../www/panels/settings.js';
import { Storage, isString } from '../../www/lib/storage.js';
import { bytesPerSecond, duration, perSecond, whole } from '../../www/lib/format.js';

test('an anchor is a point of the box', () => {
  assert.deepEqual(shares('top-left'), [0, 0]);
  assert.deepEqual(shares('top'), [0.5, 0]);
  assert.deepEqual(shares('right'), [1, 0.5]);
  assert.deepEqual(shares('center'), [0.5, 0.5]);
  assert.deepEqual(shares('bottom-right'), [1, 1]);
});

test('the usual places are near the edges, with a margin', () => {
  assert.deepEqual(usual('top-left'), { x: 0.02, y: 0.03, anchor: 'top-left' });
  assert.deepEqual(usual('bottom'), { x: 0.5, y: 0.97, anchor: 'bottom' });
});

test('a caption has the room to the edge that it grows towards, and never less than a quarter', () => {
  assert.equal(roomAt({ x: 0.2, y: 0, anchor: 'top-left' }), 0.8);
  assert.equal(roomAt({ x: 0.3, y: 0, anchor: 'bottom' }), 0.6);
  assert.equal(roomAt({ x: 0.75, y: 0, anchor: 'center' }), 0.5);
  assert.equal(roomAt({ x: 0.9, y: 0, anchor: 'right' }), 0.9);
  assert.equal(roomAt({ x: 0.98, y: 0, anchor: 'left' }), 0.25);
});

test('a box is anchored at the third of the picture where its middle is', () => {
  const size = { width: 0.2, height: 0.1 };
  assert.deepEqual(placeOf({ left: 0.05, top: 0.05, ...size }), { x: 0.05, y: 0.05, anchor: 'top-left' });
  assert.deepEqual(placeOf({ left: 0.4, top: 0.45, ...size }), { x: 0.5, y: 0.5, anchor: 'center' });
  assert.deepEqual(placeOf({ left: 0.4, top: 0.85, ...size }), { x: 0.5, y: 0.95, anchor: 'bottom' });
  assert.deepEqual(placeOf({ left: 0.75, top: 0.45, ...size }), { x: 0.95, y: 0.5, anchor: 'right' });
});

test('a box that was pulled outside stays on the picture', () => {
  assert.deepEqual(placeOf({ left: -3, top: 9, width: 0.2, height: 0.1 }), { x: 0, y: 1, anchor: 'bottom-left' });
  assert.deepEqual(placeOf({ left: 9, top: -3, width: 0.2, height: 0.1 }), { x: 1, y: 0, anchor: 'top-right' });
  assert.deepEqual(placeOf({ left: 0.3, top: 9, width: 0.8, height: 0.1 }), { x: 0.6, y: 1, anchor: 'bottom' });
  const large = placeOf({ left: 0.3, top: 0.3, width: 2, height: 3 });
  assert.ok(large.x >= 0 && large.x <= 1 && large.y >= 0 && large.y <= 1);
});

test('the next caption goes past the last one, and back to the edge when there is no room', () => {
  assert.deepEqual(past({ x: 0.02, y: 0.03, anchor: 'top-left' }, 0.1), { x: 0.02, y: 0.145, anchor: 'top-left' });
  assert.deepEqual(past({ x: 0.5, y: 0.97, anchor: 'bottom' }, 0.1), { x: 0.5, y: 0.855, anchor: 'bottom' });
  assert.deepEqual(past({ x: 0.02, y: 0.85, anchor: 'top-left' }, 0.1), { x: 0.02, y: 0.03, anchor: 'top-left' });
  assert.deepEqual(past({ x: 0.5, y: 0.15, anchor: 'bottom' }, 0.1), { x: 0.5, y: 0.97, anchor: 'bottom' });
});

test('a choice that was not made is not asked for', () => {
  const none = { encoding: '', quality: '', fps: '', width: '' };
  assert.deepEqual(wishes(none, ['jpeg', 'png']), { accept: ['jpeg', 'png'] });
  assert.deepEqual(wishes({ encoding: 'png', quality: '90', fps: '15', width: '640' }, ['jpeg', 'png']), {
    accept: ['png'], quality: 90, fps: 15, width: 640,
  });
  assert.deepEqual(wishes({ ...none, quality: 'auto' }, ['jpeg']), { accept: ['jpeg'], quality: 'auto' });
});

test('colours of every length are split and joined', () => {
  assert.deepEqual(split('#fa0'), { rgb: '#ffaa00', opacity: 1 });
  assert.deepEqual(split('#FFAA00'), { rgb: '#ffaa00', opacity: 1 });
  assert.deepEqual(split('#00000080'), { rgb: '#000000', opacity: 128 / 255 });
  for (const colour of ['#123456', '#12345600', '#12345680', '#123456fe']) {
    const { rgb, opacity } = split(colour);
    assert.equal(join(rgb, opacity), colour);
  }
  assert.throws(() => split('red'), /expected a colour/);
});

test('numbers are short and have their units', () => {
  assert.equal(whole(null), '–');
  assert.equal(whole(12.6), '13');
  assert.deepEqual([0, 0.5, 9.94, 29.97, 30].map(perSecond), ['0', '0.5', '9.9', '30', '30']);
  assert.deepEqual([0, 950, 1500, 999_400, 999_600, 1_234_000, 27_600_000].map(bytesPerSecond), [
    '0 B/s', '950 B/s', '1.5 kB/s', '999 kB/s', '1.0 MB/s', '1.2 MB/s', '28 MB/s',
  ]);
});

test('times that pass are told as finely as somebody waits for them', () => {
  assert.deepEqual([0.2, 12, 119.4, 120, 3600, 7170, 86400].map(duration), [
    '1 s', '12 s', '120 s', '2 min', '60 min', '2 h', '24 h',
  ]);
});

test('a browser that keeps nothing remembers within the tab, and believes nothing strange', () => {
  const storage = new Storage(); // node, like a locked-down browser, has no localStorage of ours
  assert.equal(storage.get('name', isString, 'nobody'), 'nobody');
  storage.set('name', 'Aki');
  assert.equal(storage.get('name', isString, 'nobody'), 'Aki');
  storage.set('name', 42);
  assert.equal(storage.get('name', isString, 'nobody'), 'nobody');
});
