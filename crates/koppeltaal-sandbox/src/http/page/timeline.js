// What happened to a message: one line of the time line for each step.

import { badge, make, name, time } from "./elements.js";

/** The text of each step. */
const STEPS = {
  posted: ({ by }) => [name(by), " posted it"],
  queued: ({ queue, number }) => ["It came into the queue of ", name(queue), ` as MessageHeader/${number}`],
  claimed: ({ by, place }) => [name(by), " claimed it", place > 1 ? ` for the ${ordinal(place)} time` : ""],
  "given back": ({ by }) => [name(by), " gave it back"],
  "ran out": ({ by }) => ["The claim of ", name(by), " ran out"],
  replaced: ({ queue }) =>
    ["In the queue of ", name(queue), " a newer message about the same resource replaced it"],
  acknowledged: ({ by, status }) => [name(by), " acknowledged it: ", badge(status)],
  "given up": ({ by }) => ["The claims of ", name(by), " ran out five times"],
};

const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };
const RULES = new Intl.PluralRules("en", { type: "ordinal" });
const ordinal = (place) => `${place}${ENDINGS[RULES.select(place)]}`;

/** How long after the first step a later one was. */
function later(from, to) {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (!(seconds > 0)) return "";
  if (seconds < 1) return `+${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `+${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `+${Math.round(seconds / 60)} min` : `+${Math.round(seconds / 3600)} h`;
}

/** The line of a step, with the time since the first one. */
export function step(one, first) {
  return make("li", [
    make("span", STEPS[one.step](one), { class: "step" }),
    one.exception ? make("span", one.exception, { class: "exception" }) : null,
    make("span", [time(one.at, true), " ", later(first.at, one.at)], { class: "soft when" }),
  ], { "data-step": one.status ?? one.step });
}
