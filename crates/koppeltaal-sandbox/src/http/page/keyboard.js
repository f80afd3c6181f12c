// The keys of the list: arrows or j and k walk through it, Enter reads, Escape goes back, a slash searches.

import { go, link, read, viewIn } from "./address.js";
import { get } from "./elements.js";
import { links, rowOf } from "./list.js";

const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };

const isField = (element) => element.matches("input, select, textarea");

/** The row of the open message, if it is in the list. */
const openRow = () => rowOf(read().message ?? -1);

/** Puts the focus on a row some steps from the one that has it or is open, and opens its message. */
function walk(steps) {
  const all = links();
  if (all.length === 0) return;
  const from = all.indexOf(all.includes(document.activeElement) ? document.activeElement : openRow());
  const place = from < 0 ? 0 : Math.min(Math.max(from + steps, 0), all.length - 1);
  all[place].focus();
  all[place].scrollIntoView({ block: "nearest" });
  // Walking is not a step for the back button.
  go(link({ message: all[place].dataset.key, show: "" }), { replace: read().message !== undefined });
}

/**
 * Leaves a message for its row, or for the search when there are no rows. On a narrow screen the message is
 * closed, so that the list is seen.
 */
function leave() {
  const target = openRow() ?? links()[0] ?? get("filters").text;
  if (get("list-pane").offsetParent === null) go(link({ message: "", show: "" }));
  target.focus();
}

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || viewIn(read()) !== "messages") return;
  if (key === "Escape") {
    // A search field with text is cleared first, by the browser.
    if (!isField(target) || !target.value) leave();
  } else if (isField(target)) {
    if (key === "ArrowDown" && target.type === "search") {
      event.preventDefault();
      (openRow() ?? links()[0])?.focus();
    }
  } else if (key === "/") {
    event.preventDefault();
    get("filters").text.focus();
    get("filters").text.select();
  } else if (key in STEPS && (key.length === 1 || get("rows").contains(target))) {
    event.preventDefault();
    walk(STEPS[key]);
  }
});

// On a narrow screen the list is hidden while a message is open: the focus goes back to its row.
get("back").addEventListener("click", (event) => {
  event.preventDefault();
  leave();
});
