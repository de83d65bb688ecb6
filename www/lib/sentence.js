/** Sentences from the service. Text between backticks is a command. */
import { make } from './dom.js';

/** Split a sentence into text and commands. @param {string} sentence */
export function pieces(sentence) {
  return sentence
    .split('`')
    .map((text, at) => ({ text, command: at % 2 === 1 }))
    .filter(({ text }) => text);
}

/** A paragraph with the sentence. One click selects a whole command. @param {string} className @param {string} sentence */
export const paragraph = (className, sentence) =>
  make('p', { className }, ...pieces(sentence).map(({ text, command }) => (command ? make('code', {}, text) : text)));
