/** What the doctor says, as the page orders and cuts it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sorted, summary } from '../../www/panels/doctor.js';
import { pieces } from '../../www/lib/sentence.js';

const finding = (level, area = 'memory') => ({ area, level, what: 'it is so', fix: null });

test('the worst comes first, equals stay in order, and what is right stands apart', () => {
  const [first, second, third] = [finding('fault', 'camera'), finding('warning', 'power'), finding('warning', 'time')];
  const { wrong, right } = sorted([second, finding('ok'), finding('unknown'), third, first]);
  assert.deepEqual(wrong, [first, second, third, finding('unknown')]);
  assert.deepEqual(right, [finding('ok')]);
});

test('the summary counts what needs somebody', () => {
  assert.equal(summary([finding('ok')]), 'Everything is as it should be.');
  assert.equal(summary([finding('fault'), finding('ok')]), '1 fault; the rest is as it should be.');
  const all = [finding('fault'), finding('fault'), finding('warning'), finding('unknown')];
  assert.equal(summary(all), '2 faults, 1 warning, 1 not known; the rest is as it should be.');
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
