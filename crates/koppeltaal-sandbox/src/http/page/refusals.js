// The view of refused requests: what came, which rule it broke, and what was expected instead.

import { get, make, name, number, refresh, setText, time } from "./elements.js";
import { ask } from "./server.js";

/** Shows the link to the view, with how many refusals there are, if the sandbox keeps them. */
export function offerRefusals({ refusals }) {
  const anchor = document.querySelector("a[data-view=refusals]");
  anchor.hidden = refusals === undefined;
  setText(anchor, refusals ? `Refusals ${number(refusals)}` : "Refusals");
}

/** Shows the refusals. */
export async function showRefusals() {
  const refusals = await ask("refusals");
  const newest = refusals.toSorted((one, other) => String(other.when).localeCompare(String(one.when)));
  refresh(get("refusals"), newest, () => newest.map(refusal));
  get("no-refusals").hidden = newest.length > 0;
}

function refusal({ method, route, instance, status, rule, place, expected, details, when }) {
  const row = (title, content) => (content ? [make("dt", title), make("dd", content)] : []);
  return make("li", [
    make("p", [make("code", `${method} ${route}`), make("span", String(status), { class: "status", "data-status": "Failed" })], { class: "request" }),
    make("p", [time(when, true), instance ? [" by ", name(String(instance))] : ""], { class: "soft" }),
    make("dl", [row("Rule", rule), row("Place", place), row("Expected", expected), row("Details", details)], { class: "fields" }),
  ]);
}
