// Elements of the page. Everything that comes from messages is put in as text.

export const get = (id) => document.getElementById(id);

/** A new element with texts and elements in it. */
export function make(tag, content = [], attributes = {}) {
  const element = document.createElement(tag);
  element.append(...[content].flat(Infinity).filter((part) => part !== null && part !== undefined));
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return element;
}

/** The name of an event, an instance or a kind. It stays on one line. */
export const name = (text, attributes = {}) =>
  make("span", text, { class: "name", title: text, ...attributes });

/** A status, with its colour. */
export const badge = (status, text = status) =>
  make("span", text, { class: "status", "data-status": status });

/** Text for those who hear the page. */
export const unseen = (text) => make("span", text, { class: "unseen" });

/** A URL, which may be broken after slashes, but not between the type and the id of a resource. */
export function url(text) {
  const parts = text.split(/(?<=[^:/]\/|[?&])/);
  if (parts.length > 2) parts.push(parts.splice(-2).join(""));
  const content = parts.flatMap((part, place) => (place ? [make("wbr"), part] : [part]));
  return make("span", content, { class: "url" });
}

/** The end of a URL that tells what it is: `Patient/1`. */
export const shortUrl = (text) => text.split("/").slice(-2).join("/");

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const WHOLE = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});

/** A time in the reader's zone. If it is of today, its day is left out, unless it shall be whole. */
export function time(instant, isWhole = false) {
  const date = new Date(instant ?? NaN);
  if (Number.isNaN(date.getTime())) return make("span", instant ?? "");
  const isToday = date.toDateString() === new Date().toDateString();
  const short = isToday ? CLOCK.format(date) : `${DAY.format(date)} ${CLOCK.format(date)}`;
  return make("time", isWhole ? WHOLE.format(date) : short, { datetime: instant, title: instant });
}

export const number = (value) => value.toLocaleString("en-GB");

/** Sets a text. One that is already there is left alone: somebody may be copying it. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces the children when what they show has changed. The focus stays on what has the same `data-key`. */
export function refresh(element, shown, children) {
  const text = JSON.stringify(shown);
  if (element.shown === text) return;
  element.shown = text;
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children());
  if (key) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Gives a select these options, after as many of its own as `kept` says, and chooses one. */
export function setOptions(select, options, chosen, kept = 0) {
  const text = JSON.stringify(options);
  if (select.shown !== text) {
    select.shown = text;
    const own = [...select.options].slice(0, kept);
    select.replaceChildren(...own, ...options.map(([value, label]) => make("option", label, { value })));
  }
  if (chosen !== undefined && select.value !== chosen) select.value = chosen;
}

/** Marks an element as the current one of its group, or as none. */
export function setCurrent(element, isCurrent, kind = "true") {
  if (isCurrent) element.setAttribute("aria-current", kind);
  else element.removeAttribute("aria-current");
}

/** Whether a click on a link opens a tab or a window, or saves what it leads to. */
export const hasModifier = (event) => event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;

/** Carries something out that people asked for; what goes wrong is said at the top. */
export async function act(action) {
  get("error").textContent = "";
  try {
    await action();
  } catch (error) {
    if (error.name !== "AbortError") get("error").textContent = error.message;
  }
}
