import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accessOf } from '../../www/panels/access.js';

test('the page offers what the viewer may do', () => {
  assert.deepEqual(accessOf({ may: ['view', 'control'], login: false }), { may: 'control', login: '' });
  assert.deepEqual(accessOf({ may: ['view', 'control'], login: true }), { may: 'control', login: 'out' });
  assert.deepEqual(accessOf({ may: ['view'], login: true }), { may: 'view', login: 'in' });
});

test('with a server that sends no rights, everything is allowed', () => {
  assert.deepEqual(accessOf({}), { may: 'control', login: '' });
});
