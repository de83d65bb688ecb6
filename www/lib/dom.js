/** Elements of the page, found by id and checked for their type. A missing element is an error in index.html. */

/**
 * The element with this id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 * @throws {Error} if there is none, or one of another type
 */
export function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} with the id ${id}`);
  return found;
}

/**
 * The field of a form with this name.
 * @template {Element | RadioNodeList} T
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {new () => T} kind
 * @returns {T}
 * @throws {Error} if there is none, or one of another type
 */
export function field(form, name, kind) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof kind)) throw new Error(`the form ${form.id} has no ${kind.name} named ${name}`);
  return found;
}

/**
 * A new element. Strings among the children become text nodes, never markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} children
 */
export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Whether the page may move the focus to a text field. On a phone this would open the on-screen keyboard. */
export const mayFocusText = () => matchMedia('(hover: hover)').matches;
