import assert from 'node:assert/strict';
import { test } from 'node:test';

import { offers } from '../../www/panels/access.js';

test('what is offered is what may be done', () => {
  assert.deepEqual(offers({ may: ['view', 'control'], login: false }), { may: 'control', login: '' });
  assert.deepEqual(offers({ may: ['view', 'control'], login: true }), { may: 'control', login: 'out' });
  assert.deepEqual(offers({ may: ['view'], login: true }), { may: 'view', login: 'in' });
});

test('a server that knows of no rights lets everybody do everything', () => {
  assert.deepEqual(offers({}), { may: 'control', login: '' });
});
