// The seq that is burnt into a synthetic picture, read from a canvas's pixels: the geometry and the checksum are those of
// pi_stream/sources/pattern.py, written a second time so that neither side drifts alone.
(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const luma = (x, y) => {
    const i = (y * width + x) * 4;
    return 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  };
  const middle = (start, size, length) => {
    const from = Math.ceil((start + size / 4) * length - 0.5), to = Math.floor((start + size * 3 / 4) * length - 0.5);
    return from <= to ? [from, to] : Array(2).fill(Math.floor((start + size / 2) * length));
  };
  const bits = [];
  for (let row = 0; row < 2; row += 1) {
    for (let column = 0; column < 24; column += 1) {
      const [left, right] = middle((2 + column) / 28, 1 / 28, width);
      const [top, bottom] = middle((21 + row) / 24, 1 / 24, height);
      let sum = 0, count = 0;
      for (let y = top; y <= bottom; y += 1) for (let x = left; x <= right; x += 1) { sum += luma(x, y); count += 1; }
      bits.push(sum / count > 128 ? 1 : 0);
    }
  }
  const number = (some) => some.reduce((value, bit) => value * 2 + bit, 0);
  const seq = number(bits.slice(0, 32));
  let crc = 0xffff;
  for (const bit of bits.slice(0, 32)) crc = ((crc << 1) ^ (((crc >> 15) ^ bit) & 1 ? 0x1021 : 0)) & 0xffff;
  return crc === number(bits.slice(32)) ? seq : null;
}
