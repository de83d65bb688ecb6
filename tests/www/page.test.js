/** Positions of captions, settings, colours, numbers as text, and storage. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { join, split } from '../../www/lib/colour.js';
import { anchorFractions, defaultPosition, maxWidth, nextPosition, positionOf } from '../../www/panels/caption-position.js';
import { watchOptions } from '../../www/panels/settings.js';
import { Storage, isString } from '../../www/lib/storage.js';
import { bytesPerSecond, duration, perSecond, whole } from '../../www/lib/format.js';

test('an anchor is a point of the box', () => {
  assert.deepEqual(anchorFractions('top-left'), [0, 0]);
  assert.deepEqual(anchorFractions('top'), [0.5, 0]);
  assert.deepEqual(anchorFractions('right'), [1, 0.5]);
  assert.deepEqual(anchorFractions('center'), [0.5, 0.5]);
  assert.deepEqual(anchorFractions('bottom-right'), [1, 1]);
});

test('the default positions are at the edges, with a margin', () => {
  assert.deepEqual(defaultPosition('top-left'), { x: 0.02, y: 0.03, anchor: 'top-left' });
  assert.deepEqual(defaultPosition('bottom'), { x: 0.5, y: 0.97, anchor: 'bottom' });
});

test('a caption may be as wide as the space to the edge, and at least a quarter of the picture', () => {
  assert.equal(maxWidth({ x: 0.2, y: 0, anchor: 'top-left' }), 0.8);
  assert.equal(maxWidth({ x: 0.3, y: 0, anchor: 'bottom' }), 0.6);
  assert.equal(maxWidth({ x: 0.75, y: 0, anchor: 'center' }), 0.5);
  assert.equal(maxWidth({ x: 0.9, y: 0, anchor: 'right' }), 0.9);
  assert.equal(maxWidth({ x: 0.98, y: 0, anchor: 'left' }), 0.25);
});

test('the anchor is the third of the picture that has the middle of the box', () => {
  const size = { width: 0.2, height: 0.1 };
  assert.deepEqual(positionOf({ left: 0.05, top: 0.05, ...size }), { x: 0.05, y: 0.05, anchor: 'top-left' });
  assert.deepEqual(positionOf({ left: 0.4, top: 0.45, ...size }), { x: 0.5, y: 0.5, anchor: 'center' });
  assert.deepEqual(positionOf({ left: 0.4, top: 0.85, ...size }), { x: 0.5, y: 0.95, anchor: 'bottom' });
  assert.deepEqual(positionOf({ left: 0.75, top: 0.45, ...size }), { x: 0.95, y: 0.5, anchor: 'right' });
});

test('a box that was dragged outside is moved into the picture', () => {
  assert.deepEqual(positionOf({ left: -3, top: 9, width: 0.2, height: 0.1 }), { x: 0, y: 1, anchor: 'bottom-left' });
  assert.deepEqual(positionOf({ left: 9, top: -3, width: 0.2, height: 0.1 }), { x: 1, y: 0, anchor: 'top-right' });
  assert.deepEqual(positionOf({ left: 0.3, top: 9, width: 0.8, height: 0.1 }), { x: 0.6, y: 1, anchor: 'bottom' });
  const large = positionOf({ left: 0.3, top: 0.3, width: 2, height: 3 });
  assert.ok(large.x >= 0 && large.x <= 1 && large.y >= 0 && large.y <= 1);
});

test('the next caption follows the last one, or begins again at the edge if there is no space', () => {
  assert.deepEqual(nextPosition({ x: 0.02, y: 0.03, anchor: 'top-left' }, 0.1), { x: 0.02, y: 0.145, anchor: 'top-left' });
  assert.deepEqual(nextPosition({ x: 0.5, y: 0.97, anchor: 'bottom' }, 0.1), { x: 0.5, y: 0.855, anchor: 'bottom' });
  assert.deepEqual(nextPosition({ x: 0.02, y: 0.85, anchor: 'top-left' }, 0.1), { x: 0.02, y: 0.03, anchor: 'top-left' });
  assert.deepEqual(nextPosition({ x: 0.5, y: 0.15, anchor: 'bottom' }, 0.1), { x: 0.5, y: 0.97, anchor: 'bottom' });
});

test('an empty choice is not sent', () => {
  const none = { encoding: '', quality: '', fps: '', width: '' };
  assert.deepEqual(watchOptions(none, ['jpeg', 'png']), { accept: ['jpeg', 'png'] });
  assert.deepEqual(watchOptions({ encoding: 'png', quality: '90', fps: '15', width: '640' }, ['jpeg', 'png']), {
    accept: ['png'], quality: 90, fps: 15, width: 640,
  });
  assert.deepEqual(watchOptions({ ...none, quality: 'auto' }, ['jpeg']), { accept: ['jpeg'], quality: 'auto' });
});

test('colours of each length are split and joined', () => {
  assert.deepEqual(split('#fa0'), { rgb: '#ffaa00', opacity: 1 });
  assert.deepEqual(split('#FFAA00'), { rgb: '#ffaa00', opacity: 1 });
  assert.deepEqual(split('#00000080'), { rgb: '#000000', opacity: 128 / 255 });
  for (const colour of ['#123456', '#12345600', '#12345680', '#123456fe']) {
    const { rgb, opacity } = split(colour);
    assert.equal(join(rgb, opacity), colour);
  }
  assert.throws(() => split('red'), /expected a colour/);
});

test('numbers are short and have units', () => {
  assert.equal(whole(null), '–');
  assert.equal(whole(12.6), '13');
  assert.deepEqual([0, 0.5, 9.94, 29.97, 30].map(perSecond), ['0', '0.5', '9.9', '30', '30']);
  assert.deepEqual([0, 950, 1500, 999_400, 999_600, 1_234_000, 27_600_000].map(bytesPerSecond), [
    '0 B/s', '950 B/s', '1.5 kB/s', '999 kB/s', '1.0 MB/s', '1.2 MB/s', '28 MB/s',
  ]);
});

test('durations are in seconds, minutes or hours', () => {
  assert.deepEqual([0.2, 12, 119.4, 120, 3600, 7170, 86400].map(duration), [
    '1 s', '12 s', '120 s', '2 min', '60 min', '2 h', '24 h',
  ]);
});

test('without localStorage, values are kept in the tab; values of another type are ignored', () => {
  const storage = new Storage(); // node has no localStorage
  assert.equal(storage.get('name', isString, 'nobody'), 'nobody');
  storage.set('name', 'Aki');
  assert.equal(storage.get('name', isString, 'nobody'), 'Aki');
  storage.set('name', 42);
  assert.equal(storage.get('name', isString, 'nobody'), 'nobody');
});
