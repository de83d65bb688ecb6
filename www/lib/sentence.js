/** Sentences of the service, in which commands stand between backticks. */
import { make } from './dom.js';

/** A sentence, cut into words and commands. @param {string} sentence */
export function pieces(sentence) {
  return sentence
    .split('`')
    .map((text, at) => ({ text, command: at % 2 === 1 }))
    .filter(({ text }) => text);
}

/** A paragraph with the sentence, where a command is taken whole by a click. @param {string} className @param {string} sentence */
export const paragraph = (className, sentence) =>
  make('p', { className }, ...pieces(sentence).map(({ text, command }) => (command ? make('code', {}, text) : text)));
