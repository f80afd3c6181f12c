// The open message: who sent it, who got it and what they did, and its content as fields or as text.

import { go, link, read } from "./address.js";
import {
  act, badge, get, hasModifier, make, name, refresh, setCurrent, setText, time, url,
} from "./elements.js";
import { NO_FILTERS } from "./filters.js";
import { resources } from "./resource.js";
import { askAgain, askText, onlyNewest, query, send } from "./server.js";
import { step } from "./timeline.js";

/** How much of a text is shown, in characters. More makes a browser slow. */
const LONGEST = 400_000;

/** What a receiver can do with a message of a status: label, status, whether a reason can be given. */
const ACTIONS = {
  New: [["Claim", "Claimed", false]],
  Claimed: [["Success", "Success", false], ["Give back", "New", false], ["Failed", "Failed", true]],
};

const inTurn = onlyNewest();
/** The key of the open message, from the time when all of it is there. */
let opened = null;
/** What is in the page of it: for whom, in which form, and the entity tag that it came with. */
let shown = {};
let isFocusNext = false;

/** Puts the focus on the next message that is opened, once it is there. */
export function focusNext() {
  isFocusNext = true;
}

/** Shows the message of the address, or that none is open. */
export const showMessage = ({ isLive = false } = {}) => inTurn({ isLive }, async (signal) => {
  const { message: key, username, show = "fields" } = read();
  document.body.classList.toggle("reads", key !== undefined);
  if (key === undefined) return close();
  const tag = shown.key === key && shown.username === username ? shown.tag : null;
  const answer = await askAgain("message", { key, username }, tag, signal).catch((error) => {
    if (error.status === 404) close(error.message);
    else throw error;
  });
  if (!answer) return;
  if (answer.content) {
    fill(answer.content);
    shown = { key, username, tag: answer.tag };
  }
  get("no-message").hidden = true;
  get("message").hidden = false;
  setLinks();
  if (shown.show !== show) await showText(key, username, show, signal);
  shown.show = show;
  if (opened !== key) {
    get("message-pane").scrollTop = 0;
    scrollTo(0, 0);
  }
  opened = key;
  if (isFocusNext) get("message-title").focus({ preventScroll: true });
  isFocusNext = false;
});

/** Sets the links of the open message that depend on the address. */
export function setLinks() {
  const { show = "fields" } = read();
  for (const choice of get("forms").children) {
    choice.setAttribute("href", link({ show: choice.dataset.form === "fields" ? "" : choice.dataset.form }));
    setCurrent(choice, choice.dataset.form === show);
  }
  const ofPatient = get("of-patient");
  const filters = { ...NO_FILTERS, patient: ofPatient?.dataset.patient, before: "", after: "" };
  ofPatient?.setAttribute("href", link(filters));
}

function close(why = "Choose a message to read it.") {
  opened = null;
  shown = {};
  isFocusNext = false;
  get("message").hidden = true;
  get("no-message").hidden = false;
  setText(get("no-message"), why);
}

function fill(message) {
  const { steps, receivers, resources: content, ...about } = message;
  refresh(get("message-title"), message.event, () => [name(message.event)]);
  refresh(get("message-about"), [about, receivers.map(({ username }) => username)], () => aboutOf(message));
  refresh(get("steps"), steps, () => steps.map((one) => step(one, steps[0])));
  refresh(get("receivers"), [message.key, receivers], () => (receivers.length
    ? receivers.map((one) => receiver(message, one))
    : [make("li", "No instance of the domain is subscribed to this event.", { class: "soft" })]));
  const { sections, contents } = resources(content);
  const sizes = content.map(({ url: address, content: text }) => [address, text.length]);
  refresh(get("contents"), sizes, () => [contents()]);
  refresh(get("resources"), content, sections);
}

function aboutOf(message) {
  const { sender, domain, patient, identifier, at } = message;
  const ofPatient = { id: "of-patient", "data-patient": patient, title: "All messages about this patient" };
  return [
    make("span", ["From ", name(sender), " in the domain ", name(domain), ", ", time(at, true)]),
    ...(patient ? [make("span", ["About ", make("a", url(patient), ofPatient)])] : []),
    make("span", ["Identifier ", make("code", identifier)], { class: "identifier-line" }),
  ];
}

function receiver(message, { username, number, status, until, exception }) {
  const delivery = { domain: message.domain, username, number };
  const answer = (event, to) => act(async () => {
    const reason = event.target.closest("li").querySelector("input")?.value ?? "";
    await send("acknowledge", { ...delivery, status: to, exception: reason });
    // The button that was used goes away.
    get("receivers-title").focus({ preventScroll: true });
    await showMessage();
  });
  const actions = (ACTIONS[status] ?? []).flatMap(([label, to, hasReason]) => {
    const button = make("button", label, {
      type: "button", "aria-label": `${label}: ${username}`, "data-key": `${number} ${to}`,
    });
    button.addEventListener("click", (event) => answer(event, to));
    if (!hasReason) return [button];
    const reason = make("input", [], {
      placeholder: "Why it failed", "aria-label": `Why it failed: ${username}`, autocomplete: "off",
      "data-key": `${number} reason`,
    });
    return [make("span", [button, reason], { class: "with-reason" })];
  });
  const header = [" MessageHeader/", String(number), until ? [", until ", time(until)] : []];
  const line = [name(username), badge(status), make("span", header, { class: "soft" })];
  return make("li", [
    make("span", line, { class: "receiver-line" }),
    exception ? make("span", exception, { class: "exception" }) : null,
    actions.length ? make("span", actions, { class: "actions" }) : null,
  ]);
}

async function showText(key, username, form, signal) {
  const isText = form !== "fields";
  get("text").hidden = !isText;
  get("resources").hidden = isText;
  get("contents").hidden = isText;
  if (!isText) return;
  const parameters = { key, username, format: form };
  const text = await askText("text", parameters, signal);
  const isLong = text.length > LONGEST;
  const rest = "\n... The text is longer: open it as plain text.";
  setText(get("raw"), isLong ? text.slice(0, LONGEST) + rest : text);
  get("plain").setAttribute("href", `sandbox/text${query(parameters)}`);
  get("copy").onclick = () => act(async () => {
    await navigator.clipboard.writeText(text);
    setText(get("copied"), "Copied.");
    setTimeout(() => setText(get("copied"), ""), 2000);
  });
}

// Another form of the same message is not a step for the back button.
get("forms").addEventListener("click", (event) => {
  const choice = event.target.closest("a");
  if (!choice || hasModifier(event)) return;
  event.preventDefault();
  go(choice.getAttribute("href"), { replace: true });
});
