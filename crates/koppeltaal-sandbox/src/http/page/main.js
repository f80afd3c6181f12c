// The page of the sandbox: which view is shown, and live updates.

import { onChange, read, TITLES, viewIn } from "./address.js";
import { act, get, setCurrent, setText } from "./elements.js";
import { offer, showFilters } from "./filters.js";
import { showInstances } from "./instances.js";
import "./keyboard.js";
import { offerLaunches } from "./launch.js";
import { isSamePage, mark, rowOf, announceCount, showList } from "./list.js";
import { setLinks, showMessage } from "./message.js";
import { countRefusals, showRefusals } from "./refusals.js";
import { ask } from "./server.js";

/** The time between two looks without an event, in milliseconds: a claim that runs out makes none. */
const LOOK_AGAIN = 2000;
/** The shortest time between two looks, when messages come fast, in milliseconds. */
const REST = 250;

function showView() {
  const view = viewIn(read());
  for (const part of document.querySelectorAll(".view")) part.hidden = part.dataset.view !== view;
  for (const anchor of get("views").children) setCurrent(anchor, anchor.dataset.view === view, "page");
  document.body.dataset.view = view;
  document.title = `${TITLES[view]} - Koppeltaal sandbox`;
}

onChange((before) => act(async () => {
  const address = read();
  showView();
  showFilters();
  if (viewIn(before) !== viewIn(address)) get(`${viewIn(address)}-title`)?.focus();
  if (viewIn(address) !== "messages") return look();
  const isOtherPage = !isSamePage(before, address) || viewIn(before) !== "messages";
  const isOtherMessage = ["message", "show", "username"].some((field) => before[field] !== address[field]);
  mark();
  setLinks();
  await Promise.all([
    isOtherPage ? showList().then(announceCount) : null,
    isOtherMessage ? showMessage() : null,
  ]);
  // Where the message took the place of the list, the list starts at its top.
  if (before.message && !address.message) rowOf(before.message)?.scrollIntoView({ block: "nearest" });
}));

async function showAll() {
  const state = await ask("state");
  offer(state);
  offerLaunches(state);
  countRefusals(state);
  showInstances(state);
  const view = viewIn(read());
  const isLive = true;
  if (view === "messages") await Promise.all([showList({ isLive }), showMessage({ isLive })]);
  if (view === "refusals") await showRefusals();
}

let isLooking = false;
let hasMoved = false;

/** Looks at what is new. What moves meanwhile is seen by the next look. */
async function look() {
  hasMoved = true;
  if (isLooking) return;
  isLooking = true;
  while (hasMoved && !document.hidden) {
    hasMoved = false;
    try {
      await showAll();
      setLive(true);
    } catch (error) {
      // A newer request took the place of this one.
      if (error.name !== "AbortError") setLive(false, error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, REST));
  }
  isLooking = false;
}

function setLive(isLive, why) {
  get("live").className = isLive ? "on" : "off";
  setText(get("live"), isLive ? "Live" : why);
}

showView();
if (viewIn(read()) === "messages") act(() => Promise.all([showList(), showMessage()]));

/** Closed while nobody sees the page: a browser has only six connections to a server, for all its tabs. */
let events;

/** Listens while the page is seen. What came in the meantime is seen as soon as the connection is open. */
function listen() {
  events?.close();
  if (document.hidden) return;
  events = new EventSource("sandbox/events");
  events.onopen = look;
  events.onmessage = look;
  events.onerror = () => setLive(false, "The server does not answer.");
}

document.addEventListener("visibilitychange", listen);
addEventListener("pagehide", () => events?.close());
addEventListener("pageshow", ({ persisted }) => persisted && listen());
listen();
setInterval(() => document.hidden || look(), LOOK_AGAIN);
