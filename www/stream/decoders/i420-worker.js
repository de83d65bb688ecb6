import { pixelsFromPlanes } from './i420-pixels.js';

addEventListener('message', ({ data: { id, planes, width, height } }) => {
  const pixels = pixelsFromPlanes(planes, width, height);
  postMessage({ id, pixels }, { transfer: [pixels.buffer] });
});
