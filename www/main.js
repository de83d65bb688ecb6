/** Builds the page's parts and joins them: the only file that knows every part. */

/** @import { Caption, Reply, Request, Source, Stats } from './stream/protocol.js' */
import { find } from './lib/dom.js';
import { Fullscreen } from './lib/fullscreen.js';
import { listenForShortcuts } from './lib/shortcuts.js';
import { Storage, isBoolean } from './lib/storage.js';
import { WakeLock } from './lib/wake-lock.js';
import { Access } from './panels/access.js';
import { forgetLost } from './panels/attempt.js';
import { CaptionForm } from './panels/caption-form.js';
import { Captions } from './panels/captions.js';
import { Chat } from './panels/chat.js';
import { DoctorPanel } from './panels/doctor.js';
import { Draft } from './panels/draft.js';
import { Links } from './panels/links.js';
import { NextSteps } from './panels/next-steps.js';
import { Panels } from './panels/panels.js';
import { Settings } from './panels/settings.js';
import { Status } from './panels/status.js';
import { Viewers } from './panels/viewers.js';
import { ServerClock } from './stream/clock.js';
import { Connection, socketAddress } from './stream/connection.js';
import { decoders } from './stream/decoders/index.js';
import { Meter } from './stream/meter.js';
import { ack, ping } from './stream/protocol.js';
import { Screen } from './stream/screen.js';

const PING_EVERY = 2000;
const FIRST_PINGS = [0, 100, 250, 500, 1000]; // milliseconds after the welcome
const FAILURES_SHOWN = 3; // one bad frame is replaced before anyone could read about it

const storage = new Storage();
const meter = new Meter();
const clock = new ServerClock();
const canvas = find('picture', HTMLCanvasElement);
const view = find('view', HTMLElement);

// --- the line: connection, screen, and the ack back

const connection = new Connection(socketAddress(document.baseURI), {
  state(state) {
    status.connection(state);
    if (state.name !== 'live') screen.clear();
    if (state.name === 'waiting') void access.lost().then((answers) => status.answers(answers));
  },
  packet(packet, bytes) {
    meter.arrived(bytes, performance.now());
    if (!packet.init) screen.show(packet);
  },
  reply: hear,
  problem: (error) => showProblem(error.message),
});
const ask = /** @param {Request} request */ (request) => connection.ask(request);

const screen = new Screen(canvas, decoders, {
  drawn(packet) {
    connection.send(ack(packet.seq));
    const now = performance.now();
    meter.drawn(clock.age(packet.captured, now), now);
    shape(packet);
    status.trouble('');
  },
  dropped: () => meter.dropped(), // the ack of the one that took its place covers it
  failed(packet, error, inARow) {
    connection.send(ack(packet.seq)); // else the line would wait for it for ever
    meter.dropped();
    if (inARow >= FAILURES_SHOWN) status.trouble(`The pictures cannot be shown: ${error.message}`);
  },
});

/** Give the view the picture's shape. @param {{ width: number, height: number }} packet */
function shape({ width, height }) {
  const ratio = Number(view.style.getPropertyValue('--ratio'));
  // Smaller pictures of the same camera have sides rounded to even numbers: the view does not move for that.
  if (Math.abs(width / height / ratio - 1) < 0.01) return;
  view.style.setProperty('--ratio', String(width / height));
}

// --- the panels

const status = new Status(() => connection.tryNow(), () => panels.open('doctor'));
const panels = new Panels((open) => {
  showDraft();
  chat.visible(open === 'chat');
  doctor.visible(open === 'doctor');
});
const draft = new Draft((place) => form.move(place));
const form = new CaptionForm(ask, () => showDraft(), () => draft.height);
const captions = new Captions(ask, (caption) => form.edit(caption), () => form.focus());
const viewers = new Viewers(storage, ask);
const chat = new Chat(ask);
const settings = new Settings(storage, [...decoders.keys()], ask, (refusal) => status.trouble(refusal));
const doctor = new DoctorPanel();
const fullscreen = new Fullscreen();
const access = new Access();
new Links();
new WakeLock(storage);
const nextSteps = new NextSteps(storage, () => panels.open('doctor'));

function showDraft() {
  draft.show(panels.shown !== 'captions' || !access.control ? 'closed' : form.begun ? form.draft : 'empty');
}

// --- what the server says

/** @type {Source | null} */
let source = null;
/** @type {Stats | null} */
let stats = null;
let version = '';

/** @param {Caption[]} all @param {boolean} [older] */
function showCaptions(all, older) {
  captions.show(all, older);
  form.check(all);
}

/** @param {Reply} reply */
function hear(reply) {
  switch (reply.type) {
    case 'welcome':
      clock.forget(); // it may be another machine by now
      version = reply.version;
      setHost(reply.host ?? location.hostname);
      source = reply.source;
      status.source(source);
      access.welcome(reply);
      nextSteps.welcome(access.control);
      showCaptions(reply.captions, true);
      forgetLost();
      doctor.changed();
      viewers.welcome(reply.you, access.control);
      viewers.show(reply.viewers);
      settings.offered(reply.encodings);
      void settings.watch();
      // The first answers wait for a page that is still busy with itself; one of these is quick, and so right.
      for (const wait of FIRST_PINGS) setTimeout(sendPing, wait);
      break;
    case 'watching':
      settings.watching(reply);
      break;
    case 'source':
      source = { ...source, ...reply };
      status.source(source);
      doctor.changed();
      void nextSteps.look();
      break;
    case 'captions':
      showCaptions(reply.captions);
      break;
    case 'viewers':
      viewers.show(reply.viewers);
      break;
    case 'said':
      chat.add(reply, reply.from === viewers.you);
      break;
    case 'stats':
      stats = reply;
      settings.health(source, stats, version);
      break;
    case 'pong':
      clock.heard(reply.sent, performance.now(), reply.clock);
      break;
    case 'error':
      showProblem(reply.message);
      break;
    case 'ok':
      break; // the answer to something that nobody waits for any more
  }
}

function sendPing() {
  connection.send(ping(performance.now()));
}

/** @param {string} host */
function setHost(host) {
  document.title = host ? `${host} · pi-stream` : 'pi-stream';
  find('host', HTMLElement).textContent = host || 'pi-stream';
  canvas.setAttribute('aria-label', `Live picture from ${host || 'the camera'}`);
}

// What the server says without having been asked goes where nothing else is, for as long as it takes to read.
let problemTimer = 0;
/** @param {string} text */
function showProblem(text) {
  const problem = find('problem', HTMLElement);
  problem.textContent = text;
  problem.hidden = false;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => (problem.hidden = true), 10_000);
}

// --- the person

find('snapshot', HTMLAnchorElement).addEventListener('click', ({ currentTarget }) => {
  const when = new Date().toLocaleString('sv').replace(/[^0-9]+/g, '-'); // Swedish for 2026-01-31 12:00:00
  if (currentTarget instanceof HTMLAnchorElement) currentTarget.download = `${location.hostname}-${when}.jpg`;
});

listenForShortcuts(
  {
    c: () => panels.open('captions'),
    t: () => panels.open('chat'),
    p: () => panels.open('settings'),
    d: () => panels.open('doctor'),
    s: () => find('snapshot', HTMLAnchorElement).click(),
    f: () => fullscreen.toggle(),
  },
  () => panels.close(),
  { on: storage.get('shortcuts', isBoolean, true), changed: (on) => storage.set('shortcuts', on) },
);

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) connection.tryNow();
});
addEventListener('online', () => connection.tryNow());
setInterval(() => status.numbers(meter.read(performance.now()), stats?.dropped ?? 0), 500);
setInterval(sendPing, PING_EVERY);

setHost(location.hostname);
connection.start();
