// Resources as fields with their FHIR names: references are links inside the message, codes come with their
// meaning.

import { hasModifier, make, name, number, url } from "./elements.js";

/** The most fields that are shown of a message. More makes a browser slow, and nobody reads them. */
const MOST_FIELDS = 3000;

/** The longest value that is shown whole, in characters, and how much is shown of a longer one. */
const LONGEST = 10_000;
const START = 400;

/** Fields that are nested deeper than this are shown as JSON. */
const DEEPEST = 24;

const VERSION = "/_history/";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** Whether an object has fields, and none but these. */
const hasOnly = (value, known) =>
  Object.keys(value).length > 0 && Object.keys(value).every((key) => known.includes(key));
const isReference = (value) => isObject(value) && typeof value.reference === "string";
const isCoding = (value) =>
  isObject(value) && "code" in value && hasOnly(value, ["system", "code", "display"]);
const isConcept = (value) =>
  isObject(value) && hasOnly(value, ["coding", "text"])
  && Array.isArray(value.coding) && value.coding.every(isCoding);
const isPeriod = (value) => isObject(value) && hasOnly(value, ["start", "end"]);
const ON_ONE_LINE = [isReference, isCoding, isConcept, isPeriod];
/** Whether a value has fields of its own, and is not shown on one line. */
const isGroup = (value) =>
  Array.isArray(value) || (isObject(value) && !ON_ONE_LINE.some((is) => is(value)));

/** Content in JSON; numbers keep their digits where the browser can tell them. */
function parse(text) {
  const digits = (key, value, parsed) => (typeof value === "number" ? parsed?.source ?? value : value);
  try {
    return JSON.parse(text, digits);
  } catch {
    return { text };
  }
}

/** The kind of a resource: its type, or what an `Other` is used for. */
const kindOf = ({ resourceType, code }) =>
  (resourceType === "Other" && code?.coding?.[0]?.code) || resourceType || "Resource";

/** The resources of a message: `sections` makes them, `contents` a list of links to them. */
export function resources(entries) {
  const read = entries.map((entry, place) => {
    const content = parse(entry.content ?? "{}");
    return { ...entry, id: `resource-${place}`, content, kind: kindOf(content) };
  });
  const context = { remaining: MOST_FIELDS, targets: new Map(read.map((entry) => [entry.url, entry])) };
  const item = ({ id, kind }) => make("li", make("a", name(kind), { href: `#${id}`, "data-target": id }));
  return {
    sections: () => read.map((entry) => section(entry, context)),
    contents: () => make("ul", read.map(item)),
  };
}

function section({ id, kind, url: address, link, is_focal: isFocal, content }, context) {
  const version = link?.includes(VERSION) ? link.split(VERSION).pop() : null;
  context.base = address?.split("/").slice(0, -2).join("/");
  context.contained = `${id}-`;
  const title = `${id}-title`;
  return make("section", [
    make("h4", [name(kind), isFocal ? make("span", "focal", { class: "tag" }) : null], { id: title }),
    make("p", [
      address ? url(address) : null,
      version ? [" version ", make("span", version, { class: "nowrap" })] : null,
    ], { class: "soft resource-url" }),
    fields(content, context, 0),
  ], { class: "resource", id, tabindex: "-1", "aria-labelledby": title });
}

/** The fields of an object. */
function fields(object, context, depth) {
  const parts = Object.entries(object).flatMap(([title, value]) => {
    if (title === "resourceType" && depth === 0) return [];
    const isExtension = title === "extension" && Array.isArray(value);
    if (isExtension) return value.flatMap((one) => extension(one, context, depth));
    return field(title, value, context, depth);
  });
  return make("dl", parts, { class: "fields" });
}

/** An extension is a field of its own, named by the end of its URL. */
function extension(one, context, depth) {
  if (!isObject(one)) return field("extension", one, context, depth);
  const { url: address = "extension", ...rest } = one;
  const values = Object.entries(rest);
  const value = values.length === 1 && values[0][0].startsWith("value") ? values[0][1] : rest;
  return field(address.split(/[#/]/).pop(), value, context, depth, address);
}

function field(title, value, context, depth, extensionUrl) {
  if (context.remaining === 0) return [];
  context.remaining -= 1;
  if (context.remaining === 0) return [make("dt", "..."), make("dd", "There is more: see the text in JSON.")];
  const tag = () => make("span", "extension", { class: "tag", title: extensionUrl });
  const label = () => [title, extensionUrl ? tag() : null];
  const values = Array.isArray(value) ? value : [value];
  if (!values.some(isGroup)) {
    return [make("dt", label()), make("dd", values.map((one) => make("div", plain(one, context, title))))];
  }
  return values.flatMap((one, place) => {
    const text = ` ${place + 1} of ${values.length}`;
    const which = values.length > 1 ? make("span", text, { class: "soft" }) : null;
    return [
      make("dt", [label(), which], { class: "group" }),
      make("dd", group(one, context, depth + 1, title), { class: "group" }),
    ];
  });
}

function group(value, context, depth, title) {
  if (!isGroup(value)) return plain(value, context, title);
  if (depth > DEEPEST) return make("code", textOf(JSON.stringify(value), title));
  if (Array.isArray(value)) return value.map((one) => make("div", group(one, context, depth + 1, title)));
  if (!value.resourceType) return fields(value, context, depth);
  // A contained resource, to which #id refers.
  const id = value.id ? `${context.contained}${value.id}` : null;
  return make("div", fields(value, context, depth), { id, tabindex: "-1" });
}

function plain(value, context, title) {
  if (isReference(value)) return reference(value, context);
  if (isCoding(value)) return coding(value);
  if (isConcept(value)) {
    const text = value.text ? make("div", ["“", textOf(value.text, "text"), "”"]) : null;
    return [...value.coding.map((one) => make("div", coding(one))), text];
  }
  if (isPeriod(value)) return `${value.start ?? "..."} to ${value.end ?? "..."}`;
  if (value === null) return make("span", "null", { class: "soft" });
  const text = String(value);
  return /^(https?|urn):/.test(text) && text.length <= LONGEST ? url(text) : textOf(text, title);
}

/** A text as it is, or the start of a long one with a button that saves it. */
function textOf(text, title) {
  if (text.length <= LONGEST) return text;
  const button = make("button", "Save", { type: "button", "aria-label": `Save ${title}` });
  button.addEventListener("click", () => save(text, title));
  return [
    `${text.slice(0, START)}...`,
    make("div", [make("span", `${number(text.length)} characters`, { class: "soft" }), " ", button]),
  ];
}

/** Saves a text as a file. One that is base64, such as a picture, becomes what it stands for. */
function save(text, title) {
  let content = text;
  try {
    content = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    // It is a text.
  }
  const href = URL.createObjectURL(new Blob([content]));
  make("a", [], { href, download: content === text ? `${title}.txt` : title }).click();
  URL.revokeObjectURL(href);
}

/** What a code means comes first; the code and its system follow. */
function coding({ code, display, system }) {
  const hasMeaning = display && display !== code;
  return [
    hasMeaning ? [textOf(display, "display"), " "] : null,
    make("code", code),
    system ? make("span", [" ", url(system)], { class: "soft system" }) : null,
  ];
}

function reference(value, context) {
  const whole = value.reference.split(VERSION)[0];
  const isContained = whole.startsWith("#");
  const absolute = isContained || whole.includes(":") ? whole : `${context.base}/${whole}`;
  const contained = { id: `${context.contained}${whole.slice(1)}`, kind: "contained" };
  const target = isContained ? contained : context.targets.get(absolute);
  const text = url(value.reference);
  const title = target && `In this message: ${target.kind}`;
  const isShort = hasOnly(value, ["reference", "display"]);
  const about = target && { href: `#${target.id}`, "data-target": target.id, title };
  return [
    value.display ? `${value.display} ` : null,
    target ? make("a", text, about) : make("span", text, { class: value.display ? "soft" : null }),
    isShort ? null : make("code", [" ", textOf(JSON.stringify(value), "reference")]),
  ];
}

// Links inside a message scroll to the resource; the address of the page stays.
addEventListener("click", (event) => {
  const anchor = event.target instanceof Element && event.target.closest("a[data-target]");
  if (!anchor || hasModifier(event)) return;
  event.preventDefault();
  const target = document.getElementById(anchor.dataset.target);
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "start" });
});
