/**
 * All tiles of the overview, in the order of the service's list.
 *
 * @import { Camera } from '../stream/cameras.js'
 * @import { Listener } from './tile.js'
 */
import { serviceUrl } from '../lib/service-url.js';
import { Tile } from './tile.js';

/** The grid on a wide screen: about as many rows as columns. @param {number} cameras */
export function grid(cameras) {
  const columns = Math.max(1, Math.ceil(Math.sqrt(cameras)));
  return { columns, rows: Math.max(1, Math.ceil(cameras / columns)) };
}

export class Tiles {
  #list;
  #name;
  #listener;
  /** @type {Map<string, Tile>} by the camera's name, in order */
  #tiles = new Map();
  /** @type {readonly Camera[]} */
  #cameras = [];
  #observer;

  /**
   * @param {HTMLElement} list
   * @param {string} name this viewer's name; empty for none
   * @param {Listener} listener
   */
  constructor(list, name, listener) {
    this.#list = list;
    this.#name = name;
    this.#listener = listener;
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        for (const tile of this.#tiles.values()) if (tile.element === target) tile.setVisible(isIntersecting);
      }
    });
  }

  /** Show these cameras. A camera that is shown already keeps its tile, and the focus. @param {readonly Camera[]} cameras */
  show(cameras) {
    const names = new Set(cameras.map(({ name }) => name));
    for (const [name, tile] of this.#tiles) if (!names.has(name)) this.#remove(name, tile);
    const { columns, rows } = grid(cameras.length);
    this.#list.style.setProperty('--columns', String(columns));
    this.#list.style.setProperty('--rows', String(rows));
    const before = this.#tiles;
    this.#tiles = new Map();
    this.#cameras = cameras;
    cameras.forEach((camera, at) => {
      const tile = before.get(camera.name) ?? this.#add(camera);
      this.#tiles.set(camera.name, tile);
      tile.update(camera, at + 1);
      // An element that is moved loses the focus.
      if (this.#list.children[at] !== tile.element) this.#list.insertBefore(tile.element, this.#list.children[at] ?? null);
    });
  }

  /** The number of cameras, and of those that are offline or cannot be reached. */
  get count() {
    const offline = [...this.#tiles.values()].filter(({ online }) => !online).length;
    return { cameras: this.#tiles.size, offline };
  }

  /** Go to the page of the camera with this number. @param {number} number from 1 */
  go(number) {
    const camera = this.#cameras[number - 1];
    if (camera) location.assign(serviceUrl(camera.path));
  }

  /** Reconnect all tiles without waiting for the end of their pauses. */
  tryNow() {
    for (const tile of this.#tiles.values()) tile.tryNow();
  }

  /** @param {Camera} camera */
  #add(camera) {
    const tile = new Tile(camera, this.#name, this.#listener);
    this.#observer.observe(tile.element);
    return tile;
  }

  /** @param {string} name @param {Tile} tile */
  #remove(name, tile) {
    this.#observer.unobserve(tile.element);
    tile.close();
    this.#tiles.delete(name);
  }
}
