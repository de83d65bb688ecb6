/** Keyboard shortcuts. The list for the user is in index.html. */
import { find } from './dom.js';

/** Whether a letter typed into this element is input for the element. @param {EventTarget | null} target */
const takesText = (target) =>
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement ||
  (target instanceof HTMLInputElement && !['radio', 'checkbox', 'range', 'color'].includes(target.type));

/**
 * Run an action when its key is pressed outside of a text field, and show the list of keys on "?".
 * @param {Record<string, () => void>} actions by key
 * @param {() => void} escape runs on Escape, also in a text field
 * @param {{ on: boolean, changed(on: boolean): void }} setting whether single keys are on: speech input may type letters
 */
export function listenForShortcuts(actions, escape, setting) {
  const help = find('help', HTMLDialogElement);
  const box = find('shortcuts', HTMLInputElement);
  const showHelp = () => help.showModal();
  const keys = new Map(Object.entries({ ...actions, '?': showHelp }));

  box.checked = setting.on;
  box.addEventListener('change', () => setting.changed(box.checked));
  find('open-help', HTMLButtonElement).addEventListener('click', showHelp);
  // The target of a click outside of the dialog is the dialog itself; inside, it is one of its children.
  help.addEventListener('click', (event) => event.target === help && help.close());

  document.addEventListener('keydown', (event) => {
    if (help.open || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Escape') {
      escape();
      return;
    }
    const action = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!action || event.repeat || !box.checked || takesText(event.target)) return;
    event.preventDefault(); // else the letter is typed into the field that the action focuses
    action();
  });
}
