// The page of the sandbox: what is in the queues, live, and what one can do by hand. Everything that comes
// from messages is put in as text.
"use strict";

// Claims run out and listeners leave without a word from the server.
const LOOK_AGAIN = 2000;

const get = (id) => document.getElementById(id);
let instance = null;
let number = null;

function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  element.append(...[content ?? ""].flat());
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function button(text, key, action, attributes = {}) {
  const element = make("button", text, { type: "button", "data-key": key, ...attributes });
  element.addEventListener("click", () => act(action));
  return element;
}

const badge = (status, text = status) => make("span", text, { class: "status", "data-status": status });

// A row of a table; on a small screen each cell has its title beside it.
function row(cells, attributes) {
  const filled = Object.entries(cells).map(([title, content], place) => {
    const scope = place === 0 ? { scope: "row" } : {};
    return make(place === 0 ? "th" : "td", make("span", content), { ...scope, "data-label": title });
  });
  return make("tr", filled, attributes);
}

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`sandbox/${path}`, options).catch(() => {
    throw new Error("The server does not answer.");
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const details = content.issue?.map((issue) => issue.details).join(" ");
    throw new Error(details || `The server answers ${answer.status} ${answer.statusText}.`);
  }
  return content;
}

async function act(action) {
  get("error").textContent = "";
  try {
    await action();
  } catch (error) {
    get("error").textContent = error.message;
  }
}

// Puts children in place without taking the focus from a button that is still there.
function replace(element, children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  element.replaceChildren(...children);
  if (focused) element.querySelector(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function options(select, values) {
  const chosen = select.value;
  if ([...select.options].map((option) => option.value).join("\n") === values.join("\n")) return;
  select.replaceChildren(...values.map((value) => make("option", value)));
  if (values.includes(chosen)) select.value = chosen;
}

async function showState() {
  const state = await ask("state");
  options(document.forms.launch.domain, state.domains.map((domain) => domain.name));
  options(document.forms.launch.client_id, state.applications);
  replace(get("domains"), state.domains.map(domainTable));
}

function domainTable(domain) {
  const rows = domain.instances.map((one) => {
    const key = `${domain.name}/${one.username}`;
    const counts = Object.entries(one.messages).flatMap(([status, count]) => [badge(status, `${status} ${count}`), " "]);
    return row({
      "Instance": button(one.username, key, () => openQueue(domain.name, one.username)),
      "Application": one.application,
      "API version": one.api_version,
      "Subscribed to": one.subscriptions.join(", ") || "nothing",
      "Messages": counts.length ? counts : "none",
      "On the hub": String(one.listening),
    }, { "data-key": key });
  });
  const titles = ["Instance", "Application", "API version", "Subscribed to", "Messages", "On the hub"];
  const definitions = `${domain.activity_definitions} activity definition${domain.activity_definitions === 1 ? "" : "s"}`;
  return make("table", [
    make("caption", `Domain ${domain.name}, ${definitions}`),
    make("thead", make("tr", titles.map((title) => make("th", title, { scope: "col" })))),
    make("tbody", rows),
  ]);
}

async function openQueue(domain, username) {
  instance = { domain, username };
  number = null;
  get("message-section").hidden = true;
  await showQueue();
  get("queue-title").focus();
}

async function showQueue() {
  if (!instance) return;
  const queue = await ask(`queue?${new URLSearchParams(instance)}`);
  get("queue-section").hidden = false;
  get("queue-title").textContent = `Queue of ${instance.username} (${instance.domain})`;
  replace(get("queue"), queue.messages.map((message) => row({
    "Number": button(message.number, message.number, () => openMessage(message.number), {
      "aria-label": `Message ${message.number}`,
    }),
    "Event": message.event,
    "Status": badge(message.status),
    "Changed": message.changed,
    "Identifier": message.identifier,
  }, message.number === number ? { "aria-current": "true" } : {})));
  const more = queue.total - queue.messages.length;
  get("queue-more").textContent = queue.total === 0 ? "No messages." : more > 0 ? `And ${more} older ones.` : "";
}

async function openMessage(of) {
  number = of;
  await showMessage();
  await showQueue();
  get("message-title").focus();
}

// Leaves a text alone that is already there: somebody may be reading or copying it.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

async function showMessage() {
  if (number === null) return;
  const message = await ask(`message?${new URLSearchParams({ ...instance, number })}`);
  get("message-section").hidden = false;
  setText(get("message-title"), `Message ${number}`);
  get("header").replaceChildren(...Object.entries(message.header).flatMap(([name, value]) => [
    make("dt", name), make("dd", name === "Status" ? badge(value) : value),
  ]));
  get("resources").replaceChildren(...message.resources.map((resource) => make("li", resource)));
  setText(get("json"), message.json);
  setText(get("xml"), message.xml);
}

async function showAll() {
  await showState();
  await showQueue();
  await showMessage();
}

// What moved while one look was under way is seen by the next.
let looking = false;
let lookAgain = false;

async function look() {
  lookAgain = looking;
  if (looking) return;
  looking = true;
  try {
    await showAll();
    setLive(true);
  } catch (error) {
    setLive(false, error.message);
  }
  looking = false;
  if (lookAgain) look();
}

function setLive(is, why) {
  get("live").className = is ? "on" : "off";
  setText(get("live"), is ? "Live." : why);
}

get("claim").addEventListener("click", () => act(async () => {
  const claimed = await ask("claim", instance);
  if (claimed.number === null) throw new Error("There is no new message.");
  await openMessage(claimed.number);
}));

get("acknowledge").addEventListener("submit", (event) => {
  event.preventDefault();
  const status = event.submitter ? event.submitter.value : "Success";
  const exception = event.target.exception.value;
  act(async () => {
    await ask("acknowledge", { ...instance, number: String(number), status, exception });
    event.target.exception.value = "";
    await showMessage();
    await showQueue();
  });
});

get("launch").addEventListener("submit", (event) => {
  event.preventDefault();
  act(async () => {
    const { location } = await ask("launch", Object.fromEntries(new FormData(event.target)));
    const link = make("a", location, { href: location, target: "_blank", rel: "noopener" });
    get("launched").replaceChildren("Launched: ", link);
    link.focus();
  });
});

const events = new EventSource("sandbox/events");
events.onopen = look;
events.onmessage = look;
events.onerror = () => setLive(false, "The server does not answer.");
setInterval(() => document.hidden || look(), LOOK_AGAIN);
