// The view of refused requests: what came, which rule it broke, and what was expected instead.

import { get, make, name, number, refresh, setText, time, url } from "./elements.js";
import { ask } from "./server.js";

/** Shows on the link to the view how many there are. */
export function countRefusals({ refusals }) {
  const anchor = document.querySelector("a[data-view=refusals]");
  setText(anchor, refusals ? `Refusals ${number(refusals)}` : "Refusals");
}

/** Shows the refusals, newest first. */
export async function showRefusals() {
  const refusals = await ask("refusals");
  refresh(get("refusals"), refusals, () => refusals.map(refusal).reverse());
  get("no-refusals").hidden = refusals.length > 0;
}

function refusal({ when, method, route, instance, status, code, rule, place, expected }) {
  const row = (title, content) => (content ? [make("dt", title), make("dd", content)] : []);
  return make("li", [
    make("p", rule ?? "The request was refused.", { class: "rule" }),
    make("p", [
      make("span", [String(status), code ? ` ${code}` : ""], { class: "status", "data-status": "Failed" }),
      make("code", [method, " ", url(route ?? "an unknown path")]),
    ], { class: "request" }),
    make("dl", [
      row("Place", place ? make("code", place) : null), row("Expected", expected),
    ], { class: "fields" }),
    make("p", [instance ? ["From ", name(instance), ", "] : null, time(when, true)], { class: "soft" }),
  ]);
}
