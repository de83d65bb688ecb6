/** The order and the summary of the doctor's findings, and commands in sentences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sorted, summary } from '../../www/panels/doctor.js';
import { pieces } from '../../www/lib/sentence.js';

const finding = (level, area = 'memory') => ({ area, level, what: 'it is so', fix: null });

test('problems are sorted by severity, in a stable order; the rest is separate', () => {
  const [first, second, third] = [finding('fault', 'camera'), finding('warning', 'power'), finding('warning', 'time')];
  const { problems, passed } = sorted([second, finding('ok'), finding('unknown'), third, first]);
  assert.deepEqual(problems, [first, second, third, finding('unknown')]);
  assert.deepEqual(passed, [finding('ok')]);
});

test('the summary counts the problems', () => {
  assert.equal(summary([finding('ok')]), 'No problems found.');
  assert.equal(summary([finding('fault'), finding('ok')]), '1 fault.');
  const all = [finding('fault'), finding('fault'), finding('warning'), finding('unknown')];
  assert.equal(summary(all), '2 faults, 1 warning, 1 unknown.');
});

test('commands stand between backticks', () => {
  assert.deepEqual(pieces('`sudo reboot`'), [{ text: 'sudo reboot', command: true }]);
  assert.deepEqual(pieces('Try `a b`, then `c`.'), [
    { text: 'Try ', command: false },
    { text: 'a b', command: true },
    { text: ', then ', command: false },
    { text: 'c', command: true },
    { text: '.', command: false },
  ]);
});
