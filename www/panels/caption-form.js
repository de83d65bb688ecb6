/**
 * The form that creates a caption or changes one.
 *
 * @import { Anchor, Caption, CaptionDraft, CaptionField, Ok, Request } from '../stream/protocol.js'
 * @import { Position } from './caption-position.js'
 */
import { join, split } from '../lib/colour.js';
import { field, find, make, mayFocusText } from '../lib/dom.js';
import { putCaption } from '../stream/protocol.js';
import { attempt } from './attempt.js';
import { defaultPosition, nextPosition } from './caption-position.js';

export class CaptionForm {
  #form = find('caption-form', HTMLFormElement);
  #text = field(this.#form, 'text', HTMLTextAreaElement);
  #cancel = /** @type {HTMLButtonElement} */ (this.#form.querySelector('[type=reset]'));
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector('[type=submit]'));
  #changed;
  #previewHeight;
  /** @type {Caption | null} the caption that is being changed; null for a new one */
  #edited = null;
  #begun = false; // whether the user entered anything
  #fields = ''; // that have buttons, as JSON

  /**
   * @param {(request: Request) => Promise<Ok>} request
   * @param {() => void} changed called when `draft` changed
   * @param {() => number} previewHeight the height of the preview on the picture, as a fraction of it
   */
  constructor(request, changed, previewHeight) {
    this.#changed = changed;
    this.#previewHeight = previewHeight;
    const problem = find('caption-problem', HTMLOutputElement);
    const form = this.#form;
    form.addEventListener('input', (event) => {
      problem.textContent = ''; // it was about the earlier input
      if (event.target instanceof HTMLInputElement && event.target.name === 'anchor') this.move(defaultPosition(this.draft.anchor));
      else this.#begin();
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const { draft } = this;
      const [edited, height] = [this.#edited, this.#previewHeight()];
      if (document.activeElement === this.#submit) this.focus(); // for the next caption; elsewhere the focus stays
      if (await attempt(problem, () => request(putCaption(draft)), this.#submit)) this.#saved(draft, edited, height);
    });
    form.addEventListener('reset', (event) => {
      event.preventDefault(); // it would reset the style too, which the next caption probably shares
      problem.textContent = '';
      const focused = document.activeElement === this.#cancel;
      this.#clear();
      if (focused) this.focus(); // the button is hidden now
    });
    form.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (!event.repeat) form.requestSubmit();
    });
    this.#show();
  }

  /** Show a button for each field that a text may have. @param {readonly CaptionField[]} fields */
  setFields(fields) {
    const json = JSON.stringify(fields);
    if (json === this.#fields) return; // after a reconnection; one of the buttons may have the focus
    this.#fields = json;
    const buttons = fields.map(({ insert, title, example }) => {
      const button = make('button', { type: 'button', title: `${insert}, such as ${example}` }, title);
      button.addEventListener('click', () => this.#insert(insert));
      return button;
    });
    find('caption-fields', HTMLElement).replaceChildren(...buttons);
  }

  /** Whether the user has entered anything. */
  get begun() {
    return this.#begun;
  }

  /** The caption as the form has it. @returns {CaptionDraft} */
  get draft() {
    const value = /** @param {string} name */ (name) => this.#input(name).value;
    const anchor = field(this.#form, 'anchor', RadioNodeList).value;
    const ttl = field(this.#form, 'ttl', HTMLSelectElement).value;
    return {
      ...(this.#edited && { id: this.#edited.id }),
      text: this.#text.value,
      x: Number(value('x')) / 100,
      y: Number(value('y')) / 100,
      anchor: /** @type {Anchor} */ (anchor),
      size: Number(value('size')) / 100,
      // The form has no opacity for the text: a caption keeps its own.
      color: join(value('color'), this.#edited ? split(this.#edited.color).opacity : 1),
      background: join(value('background'), Number(value('opacity')) / 100),
      font: field(this.#form, 'font', HTMLSelectElement).value,
      ttl: ttl ? Number(ttl) : null,
    };
  }

  /** Load a caption into the form, to change it. @param {Caption} caption */
  edit(caption) {
    this.#edited = caption;
    const background = split(caption.background);
    const size = this.#input('size');
    size.max = String(Math.max(30, caption.size * 100)); // a caption from the API may be outside of the slider's range
    size.min = String(Math.min(2, caption.size * 100));
    this.#text.value = caption.text;
    size.value = String(caption.size * 100);
    this.#input('color').value = split(caption.color).rgb;
    this.#input('background').value = background.rgb;
    this.#input('opacity').value = String(Math.round(background.opacity * 100));
    field(this.#form, 'font', HTMLSelectElement).value = caption.font;
    this.#setTtl(caption.ttl);
    this.move(caption);
    this.#text.focus();
  }

  /** Focus the text, except on a phone. */
  focus() {
    if (mayFocusText()) this.#text.focus();
  }

  /** If the caption that is being changed was deleted, the form becomes one for a new caption. @param {Caption[]} captions */
  check(captions) {
    if (this.#edited && !captions.some(({ id }) => id === this.#edited?.id)) this.#edited = null;
    this.#show();
  }

  /** Set the position. @param {Position} position */
  move({ x, y, anchor }) {
    this.#input('x').value = String(Number((x * 100).toFixed(2)));
    this.#input('y').value = String(Number((y * 100).toFixed(2)));
    field(this.#form, 'anchor', RadioNodeList).value = anchor;
    this.#begin();
  }

  #begin() {
    this.#begun = true;
    this.#show();
  }

  /** @param {string} name */
  #input(name) {
    return field(this.#form, name, HTMLInputElement);
  }

  // A caption from the API may have a ttl that is not in the list.
  /** @param {number | null} ttl in seconds */
  #setTtl(ttl) {
    const select = field(this.#form, 'ttl', HTMLSelectElement);
    select.querySelector('[data-own]')?.remove();
    select.value = ttl === null ? '' : String(ttl);
    if (select.selectedIndex >= 0 || ttl === null) return;
    const own = new Option(`${Math.ceil(ttl)} seconds`, String(ttl), false, true);
    own.dataset.own = '';
    select.add(own);
  }

  /** @param {string} text */
  #insert(text) {
    const { selectionStart, selectionEnd } = this.#text;
    this.#text.setRangeText(text, selectionStart, selectionEnd, 'end');
    this.#text.focus();
    this.#begin();
  }

  // The service has the caption. Input that was entered meanwhile stays.
  /** @param {CaptionDraft} saved @param {Caption | null} edited the caption that it changed @param {number} height */
  #saved(saved, edited, height) {
    if (this.#edited !== edited) return;
    const { x, y, anchor, text } = this.draft;
    if (!edited && x === saved.x && y === saved.y && anchor === saved.anchor) this.move(nextPosition(saved, height));
    if (text === saved.text) this.#clear();
  }

  // Prepare for the next caption, which keeps the style.
  #clear() {
    this.#edited = null;
    this.#text.value = '';
    this.#setTtl(null);
    this.#begun = false;
    this.#show();
  }

  #show() {
    const editing = this.#edited !== null;
    find('caption-form-title', HTMLElement).textContent = editing ? 'Change caption' : 'New caption';
    this.#submit.textContent = editing ? 'Save' : 'Add caption';
    this.#cancel.hidden = !editing;
    for (const name of ['size', 'opacity']) {
      field(this.#form, `${name}-shown`, HTMLOutputElement).value = `${Number(this.#input(name).value)} %`;
    }
    this.#changed();
  }
}
