// Resources as forms: fields with their FHIR names, references as links inside the message, codes with what they mean.

import { make, name, url } from "./elements.js";

/** The most fields that are shown of a message. More makes a browser slow, and nobody reads them. */
const MOST_FIELDS = 3000;

/** Resources deeper than this are shown as JSON. */
const DEEPEST = 24;

const VERSION = "/_history/";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isReference = (value) => isObject(value) && typeof value.reference === "string";
const isCoding = (value) => isObject(value) && typeof value.code === "string" && ("system" in value || "display" in value);

/** Content in JSON; numbers keep their digits where the browser can tell them. */
function parse(text) {
  try {
    return JSON.parse(text, (key, value, context) => (typeof value === "number" && context?.source ? context.source : value));
  } catch {
    return { text };
  }
}

/** The resources of a message: `sections` makes them, `contents` a list of links to them. */
export function resources(entries) {
  const read = entries.map((entry, place) => ({ ...entry, id: `resource-${place}`, content: parse(entry.content ?? "{}") }));
  const kind = ({ content }) => content.code?.coding?.[0]?.code && content.resourceType === "Other" ? content.code.coding[0].code : content.resourceType ?? "Resource";
  const form = { left: MOST_FIELDS, targets: new Map(read.map((entry) => [entry.url, { id: entry.id, kind: kind(entry) }])) };
  const section = (entry) => {
    const version = entry.link?.includes(VERSION) ? entry.link.split(VERSION).pop() : null;
    form.base = entry.url?.split("/").slice(0, -2).join("/");
    form.contained = `${entry.id}-`;
    return make("section", [
      make("h4", [name(kind(entry)), entry.is_focal ? make("span", "focal", { class: "tag" }) : null], { id: `${entry.id}-title` }),
      make("p", [entry.url ? url(entry.url) : "", version ? [" version ", make("span", version, { class: "nowrap" })] : ""], { class: "soft resource-url" }),
      fields(entry.content, form, 0),
    ], { class: "resource", id: entry.id, tabindex: "-1", "aria-labelledby": `${entry.id}-title` });
  };
  const contents = () => make("ul", read.map((entry) => make("li", make("a", name(kind(entry)), { href: `#${entry.id}`, "data-target": entry.id }))));
  return { sections: () => read.map(section), contents };
}

/** The fields of an object. */
function fields(object, form, depth) {
  const parts = Object.entries(object).flatMap(([title, value]) => {
    if (title === "resourceType" && depth === 0) return [];
    if (title === "extension" && Array.isArray(value)) return value.flatMap((one) => extension(one, form, depth));
    return field(title, value, form, depth);
  });
  return make("dl", parts, { class: "fields" });
}

/** An extension is a field of its own, named by the end of its URL. */
function extension(one, form, depth) {
  if (!isObject(one)) return field("extension", one, form, depth);
  const { url: of = "extension", ...rest } = one;
  const values = Object.entries(rest);
  const value = values.length === 1 && values[0][0].startsWith("value") ? values[0][1] : rest;
  return field(of.split(/[#/]/).pop(), value, form, depth, of);
}

function field(title, value, form, depth, extensionUrl) {
  if (form.left === 0) return [];
  form.left -= 1;
  if (form.left === 0) return [make("dt", "..."), make("dd", "There is more: see the text in JSON.")];
  const label = [title, extensionUrl ? make("span", "extension", { class: "tag", title: extensionUrl }) : null];
  const many = Array.isArray(value) ? value : [value];
  const isPlain = many.every((one) => !isGroup(one));
  if (isPlain) return [make("dt", label), make("dd", many.map((one) => make("div", plain(one, form))))];
  return many.flatMap((one, place) => [
    make("dt", [...label.map((part) => (part?.cloneNode ? part.cloneNode(true) : part)), many.length > 1 ? make("span", ` ${place + 1} of ${many.length}`, { class: "soft" }) : null], { class: "group" }),
    make("dd", group(one, form, depth + 1), { class: "group" }),
  ]);
}

/** Whether a value has fields of its own. */
const isGroup = (value) => Array.isArray(value) || (isObject(value) && !isReference(value) && !isCoding(value) && !isConcept(value) && !isPeriod(value));
const isConcept = (value) => isObject(value) && Array.isArray(value.coding) && value.coding.every(isCoding) && Object.keys(value).every((key) => ["coding", "text"].includes(key));
const isPeriod = (value) => isObject(value) && Object.keys(value).length > 0 && Object.keys(value).every((key) => ["start", "end"].includes(key));

function group(value, form, depth) {
  if (!isGroup(value)) return plain(value, form);
  if (depth > DEEPEST) return make("code", JSON.stringify(value));
  if (Array.isArray(value)) return fields(Object.fromEntries(value.map((one, place) => [String(place + 1), one])), form, depth);
  if (!value.resourceType) return fields(value, form, depth);
  // A contained resource, to which #id refers.
  return make("div", fields(value, form, depth), { id: value.id ? `${form.contained}${value.id}` : null, tabindex: "-1" });
}

function plain(value, form) {
  if (isReference(value)) return reference(value, form);
  if (isCoding(value)) return coding(value);
  if (isConcept(value)) return [...value.coding.map((one) => make("div", coding(one))), value.text ? make("div", `“${value.text}”`) : null];
  if (isPeriod(value)) return `${value.start ?? "..."} to ${value.end ?? "..."}`;
  if (value === null) return make("span", "null", { class: "soft" });
  const text = String(value);
  return /^(https?|urn):/.test(text) ? url(text) : text;
}

/** What a code means comes first; the code and its system follow. */
function coding({ code, display, system }) {
  const isSaid = display && display !== code;
  return [
    isSaid ? `${display} ` : null,
    make("code", code),
    system ? make("span", [" ", url(system)], { class: "soft system" }) : null,
  ];
}

function reference(value, form) {
  const whole = value.reference.split(VERSION)[0];
  const absolute = whole.startsWith("#") || whole.includes(":") ? whole : `${form.base}/${whole}`;
  const contained = whole.startsWith("#") ? { id: `${form.contained}${whole.slice(1)}`, kind: "contained" } : null;
  const target = contained ?? form.targets.get(absolute);
  const says = value.display ? [value.display, " "] : [];
  const more = Object.keys(value).some((key) => !["reference", "display"].includes(key)) ? make("code", ` ${JSON.stringify(value)}`) : null;
  if (!target) return [...says, make("span", url(value.reference), { class: says.length ? "soft" : "" }), more];
  return [...says, make("a", url(value.reference), { href: `#${target.id}`, "data-target": target.id, title: `In this message: ${target.kind}` }), more];
}

// Links inside a message scroll to the resource; the address of the page stays.
addEventListener("click", (event) => {
  const anchor = event.target instanceof Element && event.target.closest("a[data-target]");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const target = document.getElementById(anchor.dataset.target);
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "start" });
});
