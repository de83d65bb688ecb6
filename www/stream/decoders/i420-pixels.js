/**
 * I420 planes to pixels in JavaScript: BT.601 full range, ITU-T T.871 (JFIF) clause 7.
 *
 * The pixels of a 2x2 block share one pair of chroma values, so the three colour offsets are computed once for two
 * pixels. Uint8ClampedArray rounds to the nearest integer and clips to 0..255.
 *
 * @param {Uint8Array} planes Y, then U and V at half width and height (rounded up), without padding
 * @param {number} width
 * @param {number} height
 * @returns {Uint8ClampedArray<ArrayBuffer>} R, G, B, 255
 */
export function pixelsFromPlanes(planes, width, height) {
  const pixels = new Uint8ClampedArray(width * height * 4);
  const across = Math.ceil(width / 2);
  const u = width * height;
  const v = u + across * Math.ceil(height / 2);
  for (let row = 0; row < height; row += 1) {
    const luma = row * width;
    const chroma = (row >> 1) * across;
    let out = luma * 4;
    for (let column = 0; column < width; column += 2) {
      const cb = /** @type {number} */ (planes[u + chroma + (column >> 1)]) - 128;
      const cr = /** @type {number} */ (planes[v + chroma + (column >> 1)]) - 128;
      const red = 1.402 * cr;
      const green = -0.344136286 * cb - 0.714136286 * cr;
      const blue = 1.772 * cb;
      const end = Math.min(column + 2, width);
      for (let at = column; at < end; at += 1) {
        const y = /** @type {number} */ (planes[luma + at]);
        pixels[out] = y + red;
        pixels[out + 1] = y + green;
        pixels[out + 2] = y + blue;
        pixels[out + 3] = 255;
        out += 4;
      }
    }
  }
  return pixels;
}
