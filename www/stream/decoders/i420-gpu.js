/**
 * I420 planes to pixels by WebGL2: BT.601 full range, ITU-T T.871 (JFIF) clause 7. Only the rounding may differ from
 * i420-pixels.js.
 *
 * Each output pixel reads its texels by integer coordinates, so nothing is interpolated.
 */

const VERTEX = `#version 300 es
void main() { // one triangle that covers the whole viewport, computed from the vertex number
  gl_Position = vec4(float(gl_VertexID & 1) * 4.0 - 1.0, float(gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D lumas, blues, reds;
uniform int height;
out vec4 pixel;
void main() {
  ivec2 at = ivec2(gl_FragCoord.x, height - 1 - int(gl_FragCoord.y)); // rows are top down in the planes, bottom up here
  float y = texelFetch(lumas, at, 0).r * 255.0;
  float cb = texelFetch(blues, at / 2, 0).r * 255.0 - 128.0;
  float cr = texelFetch(reds, at / 2, 0).r * 255.0 - 128.0;
  vec3 rgb = vec3(y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb);
  pixel = vec4(clamp(rgb, 0.0, 255.0) / 255.0, 1.0);
}`;

const PLANES = ['lumas', 'blues', 'reds'];

export class PlanesOnGpu {
  /** Holds the converted picture until the end of the current task. */
  canvas;
  #gl;
  #maxSize;
  /** @type {WebGLUniformLocation | null} */
  #height = null;
  /** @type {WebGLTexture[]} */
  #textures = [];
  #built = false;

  /** Returns null if there is no WebGL2, or only a slow one in software. */
  static open() {
    const canvas = document.createElement('canvas');
    const gl = canvas.getContext('webgl2', {
      alpha: false,
      antialias: false,
      depth: false,
      stencil: false,
      failIfMajorPerformanceCaveat: true, // WebGL in software is slower than the worker
    });
    return gl && new PlanesOnGpu(canvas, gl);
  }

  /** @param {HTMLCanvasElement} canvas @param {WebGL2RenderingContext} gl */
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.#gl = gl;
    this.#maxSize = /** @type {number} */ (gl.getParameter(gl.MAX_TEXTURE_SIZE));
    // Without preventDefault the browser does not restore a lost context.
    canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();
      this.#built = false;
    });
  }

  /** Whether a frame of this size can be converted now. @param {number} width @param {number} height */
  fits(width, height) {
    return Math.max(width, height) <= this.#maxSize && !this.#gl.isContextLost();
  }

  /**
   * Draw the planes on `canvas`. Returns false if the context is lost.
   * @param {Uint8Array} planes
   * @param {number} width
   * @param {number} height
   */
  convert(planes, width, height) {
    const gl = this.#gl;
    const { canvas } = this;
    if (gl.isContextLost()) return false;
    if (!this.#built || canvas.width !== width || canvas.height !== height) this.#build(width, height);
    const across = Math.ceil(width / 2);
    const down = Math.ceil(height / 2);
    let at = 0;
    this.#textures.forEach((texture, unit) => {
      const [w, h] = unit === 0 ? [width, height] : [across, down];
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, w, h, gl.RED, gl.UNSIGNED_BYTE, planes, at);
      at += w * h;
    });
    gl.uniform1i(this.#height, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return !gl.isContextLost();
  }

  // Create the program and textures of this size, also after the context was lost.
  /** @param {number} width @param {number} height */
  #build(width, height) {
    const gl = this.#gl;
    this.canvas.width = width;
    this.canvas.height = height;
    gl.viewport(0, 0, width, height);
    if (!this.#built) {
      this.#textures = [];
      const program = this.#program();
      gl.useProgram(program);
      this.#height = gl.getUniformLocation(program, 'height');
      PLANES.forEach((plane, unit) => gl.uniform1i(gl.getUniformLocation(program, plane), unit));
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.disable(gl.DITHER); // on by default; it may change the values
    }
    for (const texture of this.#textures) gl.deleteTexture(texture);
    this.#textures = PLANES.map((_plane, unit) => {
      const texture = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      const shrink = unit === 0 ? 1 : 2;
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R8, Math.ceil(width / shrink), Math.ceil(height / shrink));
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      return texture;
    });
    this.#built = true;
  }

  #program() {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [kind, source] of /** @type {const} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error('the WebGL context was lost');
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the i420 shader does not link: ${gl.getProgramInfoLog(program)}`);
    }
    return program;
  }
}
