/** The list of cameras, the state of a tile, and the overview's summary and grid. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { serviceUrl } from '../../www/lib/service-url.js';
import { summary } from '../../www/overview/summary.js';
import { describe } from '../../www/overview/tile.js';
import { grid } from '../../www/overview/tiles.js';
import { parseCameras } from '../../www/stream/cameras.js';
import { BadMessage } from '../../www/stream/protocol.js';

const door = { name: 'door', title: 'Front door', path: 'cameras/door/', online: true, reason: null };

test('a list of cameras is read; later fields are ignored, and the title defaults to the name', () => {
  assert.deepEqual(parseCameras([{ ...door, kind: 'file', width: 640, height: 360 }]), [door]);
  assert.equal(parseCameras([{ ...door, title: '' }])[0]?.title, 'door');
  assert.deepEqual(parseCameras([]), []);
});

for (const [value, words] of /** @type {[unknown, RegExp][]} */ ([
  [undefined, /expected an array/],
  [[null], /cameras\[0\]\.name/],
  [[{ ...door, name: 'Front door' }], /cameras\[0\]\.name/],
  [[door, { ...door, path: '//elsewhere.example/' }], /cameras\[1\]\.path: expected cameras\/door\//],
  [[{ ...door, path: 'javascript:alert(1)' }], /cameras\[0\]\.path/],
  [[{ ...door, online: 'yes' }], /cameras\[0\]\.online/],
])) {
  test(`a bad list of cameras is refused: ${JSON.stringify(value)}`, () => {
    assert.throws(() => parseCameras(value), { constructor: BadMessage, message: words });
  });
}

test('addresses of the service are relative to the page files, not to the page', () => {
  assert.equal(serviceUrl('api/cameras'), new URL('../../www/api/cameras', import.meta.url).href);
  assert.equal(serviceUrl(''), new URL('../../www/', import.meta.url).href);
});

test('on the page of a camera the page files and the login are those of the service, the picture is the camera\'s', () => {
  const html = readFileSync(new URL('../../www/index.html', import.meta.url), 'utf8').replaceAll('="./', '="../../');
  const page = 'http://pi.local/prefix/cameras/door/';
  const paths = [...html.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, path]) => new URL(String(path), page).pathname);
  assert.ok(paths.includes('/prefix/main.js') && paths.includes('/prefix/login') && paths.includes('/prefix/'));
  const own = paths.filter((path) => path.startsWith('/prefix/cameras/door/'));
  assert.deepEqual([...new Set(own)].sort(), ['/prefix/cameras/door/snapshot.jpg', '/prefix/cameras/door/stream.mjpg']);
});

test('a tile says why there is no picture', () => {
  const [live, connecting] = /** @type {const} */ ([{ name: 'live' }, { name: 'connecting' }]);
  assert.deepEqual(describe(live, door, ''), { state: 'live', text: 'Live', notice: '' });
  assert.deepEqual(describe(live, { online: false, reason: 'no such device' }, ''), { state: 'offline', text: 'Offline', notice: 'no such device' });
  assert.equal(describe(connecting, { online: false, reason: 'no such device' }, '').notice, 'no such device');
  assert.equal(describe(connecting, door, '').text, 'Connecting…');
  assert.equal(describe({ name: 'waiting', until: 0, reason: '' }, door, '').text, 'Reconnecting…');
  assert.deepEqual(describe(live, door, 'bad frame'), { state: 'offline', text: 'Cannot be shown', notice: 'bad frame' });
});

test('the summary counts cameras that are offline', () => {
  assert.deepEqual(summary({ cameras: 3, offline: 0 }, true), { state: 'live', text: '3 cameras, all online' });
  assert.deepEqual(summary({ cameras: 3, offline: 1 }, true), { state: 'offline', text: '3 cameras, 1 offline' });
  assert.deepEqual(summary({ cameras: 3, offline: 0 }, false), { state: 'lost', text: 'Reconnecting…' });
  assert.equal(summary({ cameras: 0, offline: 0 }, true).state, 'connecting');
});

test('the grid has about as many rows as columns', () => {
  const grids = [1, 2, 3, 4, 5, 9, 10].map(grid).map(({ columns, rows }) => [columns, rows]);
  assert.deepEqual(grids, [[1, 1], [2, 1], [2, 2], [2, 2], [3, 2], [3, 3], [4, 3]]);
});
