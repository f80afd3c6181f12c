// The list of messages: one page of rows. The newest page is live, but nothing moves while somebody reads it.

import { go, link, read } from "./address.js";
import {
  act, badge, get, hasModifier, make, name, number, setCurrent, setText, shortUrl, time, unseen,
} from "./elements.js";
import { FILTERS, NO_FILTERS } from "./filters.js";
import { focusNext } from "./message.js";
import { ask, onlyNewest, send } from "./server.js";

/** How many receivers a row has room for. */
const RECEIVERS = 3;

const rows = get("rows");
/** The rows in the list, by the keys of their messages. */
let shown = new Map();
/** Which page they are, as `pageOf` writes it. */
let page;
/** Whether the first row gets the focus next: the link that had it may be gone. */
let isFirstNext = false;
const inTurn = onlyNewest();

const filtersIn = (address) => Object.fromEntries(FILTERS.map((field) => [field, address[field]]));
const pageOf = (address) => JSON.stringify([filtersIn(address), address.before, address.after]);

/** Whether two addresses show the same rows. */
export const isSamePage = (one, other) => pageOf(one) === pageOf(other);

/** The elements with the rows, in order. */
export const links = () => [...rows.querySelectorAll("a")];

/** Whether somebody has scrolled into the list or walks through it with the keyboard. */
function isInUse() {
  const pane = get("list-pane");
  const top = Math.max(pane.getBoundingClientRect().top, 0);
  return rows.contains(document.activeElement) || rows.getBoundingClientRect().top < Math.min(top, 60);
}

/** Loads the page of the address. With `isLive` somebody may be reading it, so newer messages wait. */
export const showList = ({ isLive = false } = {}) => inTurn({ isLive }, async (signal) => {
  const address = read();
  const first = [...shown.keys()][0];
  const isNewest = !address.before && !address.after;
  const isKept = isLive && isNewest && pageOf(address) === page && first !== undefined && isInUse();
  const start = isKept ? { before: first + 1 } : { before: address.before, after: address.after };
  const list = await ask("messages", { ...filtersIn(address), ...start }, signal);
  // A page that is not full because the newest message is on it is the newest page.
  if (address.after && list.newer_than === null) {
    return go(link({ before: "", after: "" }), { replace: true });
  }
  if (signal.aborted) return;
  page = pageOf(address);
  put(list.messages, address);
  count(list, address);
  showPages(list, address, isKept);
  if (!isLive) get("list-pane").scrollTop = 0;
  if (isFirstNext) links()[0]?.focus();
  isFirstNext = false;
});

function put(messages, address) {
  const before = shown;
  shown = new Map(messages.map((message) => {
    const text = JSON.stringify(message);
    const old = before.get(message.key);
    return [message.key, old?.text === text ? old : { text, element: make("li", row(message)) }];
  }));
  const { activeElement } = document;
  const focused = rows.contains(activeElement) ? Number(activeElement.dataset.key) : null;
  const elements = [...shown.values()].map(({ element }) => element);
  const isInPlace = (element, place) => rows.children[place] === element;
  const isSame = elements.length === rows.children.length && elements.every(isInPlace);
  if (!isSame) rows.replaceChildren(...elements);
  mark(address);
  if (focused !== null && !rows.contains(document.activeElement)) {
    (rowOf(focused) ?? links()[0])?.focus({ preventScroll: true });
  }
}

/** The row of a message. */
export const rowOf = (key) => rows.querySelector(`a[data-key="${Number(key)}"]`);

/** Marks the row of the open message. The Tab key goes to it, or to the first row. */
export function mark(address = read()) {
  const all = links();
  const open = all.find((one) => one.dataset.key === address.message);
  for (const one of all) {
    one.setAttribute("href", link({ message: one.dataset.key, show: "" }));
    one.tabIndex = one === (open ?? all[0]) ? 0 : -1;
    setCurrent(one, one === open);
  }
}

function row(message) {
  const { receivers } = message;
  const receiver = ({ username, status }) =>
    make("span", [name(username), " ", badge(status)], { class: "receiver" });
  const some = receivers.slice(0, RECEIVERS).map(receiver);
  const more = receivers.length > RECEIVERS ? [make("span", `and ${receivers.length - RECEIVERS} more`)] : [];
  const patient = message.patient ? shortUrl(message.patient) : null;
  return make("a", [
    make("span", [name(message.event, { class: "name event" }), " ", time(message.at)], { class: "first" }),
    make("span", [
      name(message.sender), make("span", "→", { "aria-hidden": "true", class: "arrow" }), unseen(" to "),
      receivers.length ? [some, more] : make("span", "nobody", { class: "soft" }),
    ], { class: "second" }),
    make("span", [
      patient && name(patient, { class: "name patient", title: message.patient }), " ",
      make("span", message.identifier, { class: "identifier", title: message.identifier }),
    ], { class: "third" }),
  ], { "data-key": message.key, draggable: "false" });
}

/** Which messages a page shows, and of how many. Of very many, the server counts only the newest. */
export function countText({ total, newer, messages, counted }) {
  const last = newer + messages.length;
  const amount = (count) => `${number(count)} ${count === 1 ? "message" : "messages"}`;
  const isPart = messages.length > 0 && messages.length !== total;
  const range = isPart ? `${number(newer + 1)}–${number(last)} of ` : "";
  if (counted === null) return `${range}${amount(total)}`;
  if (last <= total) return `${range}${number(total)} in the newest ${amount(counted)}`;
  // The page ends, or even begins, beyond the messages that were counted.
  if (newer < total) return `${range}at least ${amount(last)}`;
  return `${amount(messages.length)}, older than the newest ${number(counted)}`;
}

function count(list, address) {
  const { messages, older_than: olderThan } = list;
  setText(get("count"), countText(list));
  const isFiltered = FILTERS.some((field) => address[field]);
  get("clear").hidden = !isFiltered;
  get("clear").setAttribute("href", link({ ...NO_FILTERS, before: "", after: "" }));
  const claim = get("claim");
  claim.hidden = !address.username;
  setText(claim, `Claim next for ${address.username ?? ""}`);
  get("no-rows").hidden = messages.length > 0;
  const noMatch = olderThan === null ? "No message matches." : "No message matches here. Older ones may.";
  setText(get("no-rows"), isFiltered ? noMatch : "No message has been posted yet.");
}

/** Tells those who hear the page how many messages were found. */
export const announceCount = () => setText(get("announcement"), get("count").textContent);

function showPages(list, address, isKept) {
  const { newer, newer_than: newerThan, older_than: olderThan } = list;
  const isNewest = newerThan === null;
  const to = {
    newest: isNewest ? null : link({ before: "", after: "" }),
    newer: isNewest ? null : link({ before: "", after: newerThan }),
    older: olderThan === null ? null : link({ before: olderThan, after: "" }),
    oldest: olderThan === null ? null : link({ before: "", after: "0" }),
  };
  for (const anchor of get("pages").children) {
    const href = to[anchor.dataset.page];
    if (href === null) anchor.removeAttribute("href");
    else anchor.setAttribute("href", href);
  }
  get("pages").hidden = isNewest && olderThan === null;
  const pill = get("newer-messages");
  pill.hidden = !isKept || newer === 0;
  setText(pill, `${number(newer)} newer`);
  pill.setAttribute("href", link({ before: "", after: "" }));
}

get("newer-messages").addEventListener("click", (event) => {
  event.preventDefault();
  act(async () => {
    await showList();
    scrollTo(0, 0);
    links()[0]?.focus();
  });
});

get("claim").addEventListener("click", () => act(async () => {
  const { domain, username } = read();
  const claimed = await send("claim", { domain, username });
  if (claimed.key === null) throw new Error(`There is no new message for ${username}.`);
  focusNext();
  go(link({ message: claimed.key, show: "" }));
}));

for (const part of [get("pages"), get("clear")]) {
  part.addEventListener("click", (event) => {
    isFirstNext = event.target.matches("a[href]") && !hasModifier(event);
  });
}

// Somebody who opens a row reads on in the message.
rows.addEventListener("click", (event) => {
  if (!hasModifier(event) && event.target.closest("a")) focusNext();
});
