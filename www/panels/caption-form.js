/**
 * The form in which a caption is written, or changed.
 *
 * @import { Anchor, Caption, CaptionDraft, Ok, Request } from '../stream/protocol.js'
 * @import { Place } from './position.js'
 */
import { join, split } from '../lib/colour.js';
import { field, find, mayType } from '../lib/dom.js';
import { putCaption } from '../stream/protocol.js';
import { attempt } from './attempt.js';
import { past, usual } from './position.js';

export class CaptionForm {
  #form = find('caption-form', HTMLFormElement);
  #text = field(this.#form, 'text', HTMLTextAreaElement);
  #cancel = /** @type {HTMLButtonElement} */ (this.#form.querySelector('[type=reset]'));
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector('[type=submit]'));
  #changed;
  #height;
  /** @type {Caption | null} what is being changed; null while a new one is written */
  #edited = null;
  #begun = false; // nothing is shown on the picture before there is something to show

  /**
   * @param {(request: Request) => Promise<Ok>} ask
   * @param {() => void} changed told whenever `draft` is another
   * @param {() => number} height of the draft on the picture
   */
  constructor(ask, changed, height) {
    this.#changed = changed;
    this.#height = height;
    const problem = find('caption-problem', HTMLOutputElement);
    const form = this.#form;
    form.addEventListener('input', (event) => {
      problem.textContent = ''; // it was about what stood there before
      if (event.target instanceof HTMLInputElement && event.target.name === 'anchor') this.move(usual(this.draft.anchor));
      else this.#begin();
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const { draft } = this;
      const [edited, height] = [this.#edited, this.#height()];
      if (document.activeElement === this.#submit) this.focus(); // for the next one; elsewhere the keyboard stays
      if (await attempt(problem, () => ask(putCaption(draft)), this.#submit)) this.#put(draft, edited, height);
    });
    form.addEventListener('reset', (event) => {
      event.preventDefault(); // it would undo the look as well, which the next caption most likely shares
      problem.textContent = '';
      const held = document.activeElement === this.#cancel;
      this.#done();
      if (held) this.focus(); // the button that had the keyboard is gone
    });
    form.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (!event.repeat) form.requestSubmit();
    });
    for (const button of form.querySelectorAll('[data-field]')) {
      button.addEventListener('click', () => this.#insert(button.getAttribute('data-field') ?? ''));
    }
    this.#show();
  }

  /** Whether anything is being written. */
  get begun() {
    return this.#begun;
  }

  /** What is written now. @returns {CaptionDraft} */
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
      // The form shows no opacity for letters; what a caption had is kept.
      color: join(value('color'), this.#edited ? split(this.#edited.color).opacity : 1),
      background: join(value('background'), Number(value('opacity')) / 100),
      font: field(this.#form, 'font', HTMLSelectElement).value,
      ttl: ttl ? Number(ttl) : null,
    };
  }

  /** Change a caption that is on the picture. @param {Caption} caption */
  edit(caption) {
    this.#edited = caption;
    const background = split(caption.background);
    const size = this.#input('size');
    size.max = String(Math.max(30, caption.size * 100)); // one made elsewhere may be larger than the slider goes
    size.min = String(Math.min(2, caption.size * 100));
    this.#text.value = caption.text;
    size.value = String(caption.size * 100);
    this.#input('color').value = split(caption.color).rgb;
    this.#input('background').value = background.rgb;
    this.#input('opacity').value = String(Math.round(background.opacity * 100));
    field(this.#form, 'font', HTMLSelectElement).value = caption.font;
    this.#stay(caption.ttl);
    this.move(caption);
    this.#text.focus();
  }

  /** Put the keyboard into its text, where that is no nuisance. */
  focus() {
    if (mayType()) this.#text.focus();
  }

  /** If somebody deleted what is being changed here, what is written stays and becomes a new one. @param {Caption[]} captions */
  check(captions) {
    if (this.#edited && !captions.some(({ id }) => id === this.#edited?.id)) this.#edited = null;
    this.#show();
  }

  /** Put it somewhere else. @param {Place} place */
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

  // A caption may stay for any number of seconds, more than the list has.
  /** @param {number | null} ttl */
  #stay(ttl) {
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

  // It is on the picture. What was begun, typed or moved while it was on its way stays as it is.
  /** @param {CaptionDraft} put @param {Caption | null} edited what it changed @param {number} height */
  #put(put, edited, height) {
    if (this.#edited !== edited) return;
    const { x, y, anchor, text } = this.draft;
    if (!edited && x === put.x && y === put.y && anchor === put.anchor) this.move(past(put, height));
    if (text === put.text) this.#done();
  }

  // Ready for another one, which most likely has the same look.
  #done() {
    this.#edited = null;
    this.#text.value = '';
    this.#stay(null);
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
