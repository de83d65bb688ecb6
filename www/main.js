/** Creates the parts of the page and connects them. No other module knows all of them. */

/** @import { Caption, Reply, Request, Source, Stats } from './stream/protocol.js' */
import { find } from './lib/dom.js';
import { Fullscreen } from './lib/fullscreen.js';
import { listenForShortcuts } from './lib/shortcuts.js';
import { Storage, isBoolean } from './lib/storage.js';
import { WakeLock } from './lib/wake-lock.js';
import { Access } from './panels/access.js';
import { clearNotConnected } from './panels/attempt.js';
import { CameraSwitch, digitKeys } from './panels/camera-switch.js';
import { CaptionForm } from './panels/caption-form.js';
import { CaptionPreview } from './panels/caption-preview.js';
import { Captions } from './panels/captions.js';
import { Chat } from './panels/chat.js';
import { DoctorPanel } from './panels/doctor.js';
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

const PING_INTERVAL_MS = 2000;
const FIRST_PINGS_MS = [0, 100, 250, 500, 1000]; // after the welcome
const NUMBERS_INTERVAL_MS = 500;
const PROBLEM_SHOWN_MS = 10_000;
const MAX_DECODE_FAILURES = 3; // in a row, before the user is told: a single bad frame is replaced at once
const RATIO_TOLERANCE = 0.01;

const storage = new Storage();
const meter = new Meter();
const clock = new ServerClock();
const canvas = find('picture', HTMLCanvasElement);
const view = find('view', HTMLElement);

// --- the stream: frames from the connection to the screen, and acks back

const connection = new Connection(socketAddress(document.baseURI), {
  state(state) {
    status.setConnection(state);
    if (state.name !== 'live') screen.clear();
    if (state.name === 'waiting') void checkRefusal();
  },
  packet(packet, bytes) {
    meter.arrived(bytes, performance.now());
    if (!packet.init) screen.show(packet);
  },
  reply: handleReply,
  problem: (error) => showProblem(error.message),
});
const request = /** @param {Request} message */ (message) => connection.request(message);

const screen = new Screen(canvas, decoders, {
  drawn(packet) {
    connection.send(ack(packet.seq));
    const now = performance.now();
    meter.drawn(clock.age(packet.captured, now), now);
    setRatio(packet);
    status.setProblem('');
  },
  dropped: () => meter.dropped(), // the ack of the packet that replaced it covers it
  failed(packet, error, inARow) {
    connection.send(ack(packet.seq)); // without it the server would wait for it
    meter.dropped();
    if (inARow >= MAX_DECODE_FAILURES) status.setProblem(`This browser cannot show the frames: ${error.message}`);
  },
});

/** Give the view the ratio of the frame. @param {{ width: number, height: number }} packet */
function setRatio({ width, height }) {
  const ratio = Number(view.style.getPropertyValue('--ratio'));
  // The width and height of smaller frames are rounded to even numbers. This does not move the view.
  if (Math.abs(width / height / ratio - 1) < RATIO_TOLERANCE) return;
  view.style.setProperty('--ratio', String(width / height));
}

/** Find out whether and why the service refuses the connection. */
async function checkRefusal() {
  if (!(await access.check())) status.setRefusal('');
  else if (!(await cameras.exists())) status.setRefusal('The service no longer has this camera.');
  else status.setRefusal('The camera answers but refuses this page. There may be too many viewers.');
}

// --- the panels

const status = new Status(() => connection.tryNow(), () => panels.open('doctor'));
const panels = new Panels((opened) => {
  showPreview();
  chat.setVisible(opened === 'chat');
  doctor.setVisible(opened === 'doctor');
});
const preview = new CaptionPreview((position) => form.move(position));
const form = new CaptionForm(request, () => showPreview(), () => preview.height);
const captions = new Captions(request, (caption) => form.edit(caption), () => form.focus());
const viewers = new Viewers(storage, request);
const chat = new Chat(request);
const settings = new Settings(storage, [...decoders.keys()], request, (reason) => status.setProblem(reason));
const doctor = new DoctorPanel();
const fullscreen = new Fullscreen();
const access = new Access();
const cameras = new CameraSwitch();
new Links();
new WakeLock(storage);
const nextSteps = new NextSteps(storage, () => panels.open('doctor'));

function showPreview() {
  preview.show(panels.opened !== 'captions' || !access.control ? 'closed' : form.begun ? form.draft : 'empty');
}

// --- messages from the server

/** @type {Source | null} */
let source = null;
/** @type {Stats | null} */
let stats = null;
let version = '';

/** @param {Caption[]} all @param {boolean} [existing] */
function showCaptions(all, existing) {
  captions.show(all, existing);
  form.check(all);
}

/** @param {Reply} reply */
function handleReply(reply) {
  switch (reply.type) {
    case 'welcome':
      clock.reset(); // the service may have moved to another machine
      version = reply.version;
      cameras.welcome(reply);
      setTitle(reply.host ?? location.hostname);
      source = reply.source;
      status.setSource(source);
      access.welcome(reply);
      nextSteps.welcome(access.control);
      form.setFields(reply.fields ?? []);
      showCaptions(reply.captions, true);
      clearNotConnected();
      doctor.changed();
      viewers.welcome(reply.you, access.control);
      viewers.show(reply.viewers);
      settings.setAvailable(reply.encodings);
      void settings.watch();
      // The first round trips are long while the page is still loading. One of these is short.
      for (const delay of FIRST_PINGS_MS) setTimeout(sendPing, delay);
      break;
    case 'watching':
      settings.showWatching(reply);
      break;
    case 'source':
      source = { ...source, ...reply };
      status.setSource(source);
      doctor.changed();
      void nextSteps.update();
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
      settings.showHealth(source, stats, version);
      break;
    case 'pong':
      clock.add(reply.sent, performance.now(), reply.clock);
      break;
    case 'error':
      showProblem(reply.message);
      break;
    case 'ok':
      break; // the reply to a request that has timed out
  }
}

function sendPing() {
  connection.send(ping(performance.now()));
}

/** Set the titles: the camera's title if there are several cameras, else the host. @param {string} host */
function setTitle(host) {
  const title = cameras.current?.title ?? host;
  document.title = [...new Set([title, host, 'pi-stream'])].filter(Boolean).join(' · ');
  find('title', HTMLElement).textContent = title || 'pi-stream';
  canvas.setAttribute('aria-label', `Live picture from ${title || 'the camera'}`);
}

// An error that is no reply to a request is shown on the picture for a while.
let problemTimer = 0;
/** @param {string} text */
function showProblem(text) {
  const problem = find('problem', HTMLElement);
  problem.textContent = text;
  problem.hidden = false;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => (problem.hidden = true), PROBLEM_SHOWN_MS);
}

// --- input

find('snapshot', HTMLAnchorElement).addEventListener('click', ({ currentTarget }) => {
  const when = new Date().toLocaleString('sv').replace(/[^0-9]+/g, '-'); // the Swedish format is 2026-01-31 12:00:00
  const name = [location.hostname, cameras.current?.name, when].filter(Boolean).join('-');
  if (currentTarget instanceof HTMLAnchorElement) currentTarget.download = `${name}.jpg`;
});

listenForShortcuts(
  {
    c: () => panels.open('captions'),
    t: () => panels.open('chat'),
    p: () => panels.open('settings'),
    d: () => panels.open('doctor'),
    s: () => find('snapshot', HTMLAnchorElement).click(),
    f: () => fullscreen.toggle(),
    ...digitKeys((number) => cameras.go(number)),
  },
  () => panels.close(),
  { on: storage.get('shortcuts', isBoolean, true), changed: (on) => storage.set('shortcuts', on) },
);

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) connection.tryNow();
});
addEventListener('online', () => connection.tryNow());
setInterval(() => status.showNumbers(meter.read(performance.now()), stats?.dropped ?? 0), NUMBERS_INTERVAL_MS);
setInterval(sendPing, PING_INTERVAL_MS);

setTitle(location.hostname);
connection.start();
