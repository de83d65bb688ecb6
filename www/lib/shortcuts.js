/** Single keys for what is done often; the list that people read is in index.html. */
import { find } from './dom.js';

/** Whether a key that was pressed there is meant as a letter. @param {EventTarget | null} target */
const isWriting = (target) =>
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement ||
  (target instanceof HTMLInputElement && !['radio', 'checkbox', 'range', 'color'].includes(target.type));

/**
 * @param {Record<string, () => void>} actions by key
 * @param {() => void} escape what Escape does, also while writing
 * @param {{ on: boolean, changed(on: boolean): void }} wanted whether letters act: who dictates to the page may not want them
 */
export function listenForShortcuts(actions, escape, wanted) {
  const help = find('help', HTMLDialogElement);
  const box = find('shortcuts', HTMLInputElement);
  const showHelp = () => help.showModal();
  const keys = new Map(Object.entries({ ...actions, '?': showHelp }));

  box.checked = wanted.on;
  box.addEventListener('change', () => wanted.changed(box.checked));
  find('open-help', HTMLButtonElement).addEventListener('click', showHelp);
  // A press beside the dialog closes it; on itself, its children are what is pressed.
  help.addEventListener('click', (event) => event.target === help && help.close());

  document.addEventListener('keydown', (event) => {
    if (help.open || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Escape') {
      escape();
      return;
    }
    const action = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!action || event.repeat || !box.checked || isWriting(event.target)) return;
    event.preventDefault(); // else the letter lands in the field that the action puts the keyboard in
    action();
  });
}
