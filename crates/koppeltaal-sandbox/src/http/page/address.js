// The address of the page says everything that is shown: the view, the filters, the page of the list, and the
// open message. So a link opens the same, and the back button goes back.

import { hasModifier } from "./elements.js";
import { query } from "./server.js";

/** The views, with their titles. */
export const TITLES = {
  messages: "Messages", instances: "Instances", launch: "Launch", refusals: "Refusals",
};

/** The view that an address with these parameters shows. */
export const viewIn = ({ view }) => (Object.hasOwn(TITLES, view ?? "") ? view : "messages");

const listeners = [];

/** The parameters in the address. */
export const read = () => Object.fromEntries(new URLSearchParams(location.search));

/** The address with some parameters changed; an empty one is left out. */
export const link = (changes) => query({ ...read(), ...changes }) || "?";

/** Goes to an address without loading the page again. `replace` leaves no step for the back button. */
export function go(to, { replace = to === link({}) } = {}) {
  const before = read();
  history[replace ? "replaceState" : "pushState"](null, "", to === "?" ? location.pathname : to);
  tell(before);
}

/** Calls a function whenever the address has changed, with the parameters that it had before. */
export function onChange(listener) {
  listeners.push(listener);
}

let last = read();

function tell(before) {
  last = read();
  listeners.forEach((listener) => listener(before));
}

addEventListener("popstate", () => tell(last));

// Links within the page do not load it again. With a modifier key they open a new tab, as links do.
addEventListener("click", (event) => {
  const anchor = event.target instanceof Element && event.target.closest("a[href^='?']");
  if (!anchor || event.defaultPrevented || hasModifier(event)) return;
  event.preventDefault();
  go(anchor.getAttribute("href"));
});
