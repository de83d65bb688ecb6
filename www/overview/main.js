/** The overview: a tile of each camera. The service shows it at its root if there are several cameras. */
import { find } from '../lib/dom.js';
import { Fullscreen } from '../lib/fullscreen.js';
import { listenForShortcuts } from '../lib/shortcuts.js';
import { Storage, isBoolean, isString } from '../lib/storage.js';
import { WakeLock } from '../lib/wake-lock.js';
import { Access } from '../panels/access.js';
import { digitKeys } from '../panels/camera-switch.js';
import { fetchCameras } from '../stream/cameras.js';
import { summary } from './summary.js';
import { Tiles } from './tiles.js';

const UPDATE_INTERVAL_MS = 5000; // cameras may be added, removed or renamed

const storage = new Storage();
const access = new Access();
const fullscreen = new Fullscreen();
const status = find('status', HTMLElement);
const notice = find('notice', HTMLElement);
new WakeLock(storage);

let host = location.hostname;
let answers = true;

const tiles = new Tiles(find('tiles', HTMLUListElement), storage.get('name', isString, ''), {
  welcome(welcome) {
    host = welcome.host ?? host;
    access.welcome(welcome);
    setTitle();
  },
  changed: () => showStatus(),
  lost: () => void update(),
});

let updating = false;

/** Request the list of cameras and show it. */
async function update() {
  if (updating) return;
  updating = true;
  try {
    tiles.show(await fetchCameras());
    answers = true;
    notice.hidden = true;
  } catch (error) {
    answers = false;
    notice.textContent = `The service does not answer: ${error instanceof Error ? error.message : error}`;
    notice.hidden = false;
    void access.check(); // a login may be needed, or the service speaks https now
  } finally {
    updating = false;
  }
  showStatus();
}

function showStatus() {
  const { state, text } = summary(tiles.count, answers);
  document.documentElement.dataset.state = state;
  if (status.textContent !== text) status.textContent = text; // a screen reader speaks each change
}

function setTitle() {
  document.title = host ? `${host} · pi-stream` : 'pi-stream';
  find('title', HTMLElement).textContent = host || 'pi-stream';
}

listenForShortcuts(
  { f: () => fullscreen.toggle(), ...digitKeys((number) => tiles.go(number)) },
  () => {},
  { on: storage.get('shortcuts', isBoolean, true), changed: (on) => storage.set('shortcuts', on) },
);

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  tiles.tryNow();
  void update();
});
addEventListener('online', () => {
  tiles.tryNow();
  void update();
});
setInterval(() => {
  if (!document.hidden) void update();
}, UPDATE_INTERVAL_MS);

setTitle();
void update();
