// The search and the filters above the list: they go into the address while somebody types.

import { go, link, read } from "./address.js";
import { get, setOptions } from "./elements.js";

/** The parameters of the address that are filters. */
export const FILTERS = ["text", "status", "event", "domain", "username", "patient"];

/** The parameters of a list without filters. */
export const NO_FILTERS = Object.fromEntries(FILTERS.map((field) => [field, ""]));

/** How long a search waits for the next letter, in milliseconds. */
const PAUSE = 90;

const form = get("filters");
let timer;
/** Whether the text in the address is still being typed. It is one step for the back button. */
let isTyping = false;

/** A queue as the value of an option. */
const queueOf = ({ domain, username }) => (username ? JSON.stringify([domain, username]) : "");

function apply() {
  clearTimeout(timer);
  const [domain, username] = form.queue.value ? JSON.parse(form.queue.value) : [];
  const { text, status, event, patient } = Object.fromEntries(new FormData(form));
  const to = link({ text, status, event, patient, domain, username, before: "", after: "" });
  if (to !== link({})) go(to, { replace: isTyping });
}

form.addEventListener("input", (event) => {
  if (event.target.tagName === "SELECT") return apply();
  clearTimeout(timer);
  timer = setTimeout(() => {
    apply();
    isTyping = true;
  }, PAUSE);
});
form.addEventListener("focusout", () => {
  isTyping = false;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  apply();
});

/** Shows the filters of the address. A field in which somebody is typing keeps its text. */
export function showFilters() {
  const address = read();
  for (const field of [form.text, form.patient]) {
    if (document.activeElement !== field) field.value = address[field.name] ?? "";
  }
  for (const field of [form.status, form.event]) field.value = address[field.name] ?? "";
  form.queue.value = queueOf(address);
  for (const field of form.elements) field.classList.toggle("set", field.value !== "");
}

/** Fills the selects with what can be chosen. */
export function offer({ domains, events, statuses }) {
  const address = read();
  const instancesOf = ({ name, instances }) => instances.map(({ username }) => ({ domain: name, username }));
  const instances = domains.flatMap(instancesOf);
  const hasOneDomain = new Set(instances.map(({ domain }) => domain)).size < 2;
  const label = ({ domain, username }) => `Queue of ${username}${hasOneDomain ? "" : ` (${domain})`}`;
  setOptions(form.status, statuses.map((code) => [code, code]), address.status ?? "", 1);
  setOptions(form.event, events.map((code) => [code, code]), address.event ?? "", 1);
  const queues = instances.map((instance) => [queueOf(instance), label(instance)]);
  setOptions(form.queue, queues, queueOf(address), 1);
  showFilters();
}
