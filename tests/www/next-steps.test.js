/** What somebody has still to do, as the page tells it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { headline, remaining } from '../../www/panels/next-steps.js';

const step = (id, title) => ({ id, title, what: 'It is so.', how: 'Do this.' });
const steps = [step('password', 'set a password'), step('name', 'give it a name')];

test('what was put away is not shown, and what was not still is', () => {
  assert.deepEqual(remaining(steps, []), steps);
  assert.deepEqual(remaining(steps, ['password', 'clock']), [steps[1]]);
  assert.deepEqual(remaining(steps, ['name', 'password']), []);
});

test('the headline names all there is to do, in their order', () => {
  assert.equal(headline(steps), 'set a password, give it a name');
  assert.equal(headline([]), '');
});
