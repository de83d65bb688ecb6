/** Colours of the wire (#rgb, #rrggbb, #rrggbbaa) as a colour field (#rrggbb) and an opacity. */

/** @param {string} colour @returns {{ rgb: string, opacity: number }} opacity from 0 to 1 */
export function split(colour) {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(colour);
  const long = short ? `#${short.slice(1).map((digit) => digit + digit).join('')}` : colour;
  const parts = /^(#[0-9a-f]{6})([0-9a-f]{2})?$/i.exec(long);
  if (!parts?.[1]) throw new Error(`expected a colour such as #ffffff or #00000080, got ${colour}`);
  return { rgb: parts[1].toLowerCase(), opacity: parts[2] ? parseInt(parts[2], 16) / 255 : 1 };
}

/** @param {string} rgb #rrggbb @param {number} opacity from 0 to 1 */
export function join(rgb, opacity) {
  const alpha = Math.round(opacity * 255);
  return alpha === 255 ? rgb : rgb + alpha.toString(16).padStart(2, '0');
}
