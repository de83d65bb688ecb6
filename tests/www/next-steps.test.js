/** The next steps of a new camera. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { headline, remaining } from '../../www/panels/next-steps.js';

const step = (id, title) => ({ id, title, what: 'It is so.', how: 'Do this.' });
const steps = [step('password', 'set a password'), step('name', 'give it a name')];

test('steps that were dismissed are not shown', () => {
  assert.deepEqual(remaining(steps, []), steps);
  assert.deepEqual(remaining(steps, ['password', 'clock']), [steps[1]]);
  assert.deepEqual(remaining(steps, ['name', 'password']), []);
});

test('the headline has all titles, in order', () => {
  assert.equal(headline(steps), 'set a password, give it a name');
  assert.equal(headline([]), '');
});
