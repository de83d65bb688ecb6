/** The page's own elements, found by id and known by type: a missing one is a mistake in index.html, told at once. */

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id ${id}`);
  return found;
}

/**
 * A field of a form, by its name.
 * @template {Element | RadioNodeList} T
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {new () => T} kind
 * @returns {T}
 */
export function field(form, name, kind) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} named ${name} in ${form.id}`);
  return found;
}

/**
 * A new element. Strings among its children become text, never markup.
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

/** Whether a field may have the keyboard unasked: on a phone that would bring up its keyboard, over the picture. */
export const mayType = () => matchMedia('(hover: hover)').matches;
