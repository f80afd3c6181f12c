// The page of the sandbox: what is in the queues, live, and what one can do by hand. Everything that comes from messages
// is put in as text.
"use strict";

const get = (id) => document.getElementById(id);
let instance = null;
let number = null;

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function button(text, action) {
  const element = make("button", text, { type: "button" });
  element.addEventListener("click", () => act(action));
  return element;
}

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`sandbox/${path}`, options);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.issue ? content.issue.map((issue) => issue.details).join(" ") : answer.statusText);
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

// Puts rows in place without taking the focus from a button that is still there.
function replace(element, children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  element.replaceChildren(...children);
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
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
  replace(get("domains"), state.domains.map((domain) => {
    const box = make("div", "");
    const table = make("table", "");
    table.append(make("caption", `Domain ${domain.name}, ${domain.activity_definitions} activity definitions`));
    const head = make("tr", "");
    for (const title of ["Instance", "Application", "Api version", "Subscribed to", "Messages", "On the hub"]) {
      head.append(make("th", title, { scope: "col" }));
    }
    table.append(head);
    for (const one of domain.instances) {
      const row = make("tr", "");
      const name = make("th", "", { scope: "row" });
      const open = button(one.username, () => openQueue(domain.name, one.username));
      open.dataset.key = `${domain.name}/${one.username}`;
      name.append(open);
      row.append(name);
      const counts = Object.entries(one.messages).map(([status, count]) => `${status} ${count}`).join(", ");
      for (const text of [one.application, one.api_version, one.subscriptions.join(", "), counts || "none", one.listening]) {
        row.append(make("td", text));
      }
      table.append(row);
    }
    box.append(table);
    return box;
  }));
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
  replace(get("queue"), queue.messages.map((message) => {
    const row = make("tr", "", message.number === number ? { "aria-current": "true" } : {});
    const cell = make("td", "");
    const open = button(message.number, () => openMessage(message.number));
    open.dataset.key = message.number;
    open.setAttribute("aria-label", `Message ${message.number}`);
    cell.append(open);
    row.append(cell);
    for (const text of [message.event, message.status, message.changed, message.identifier]) row.append(make("td", text));
    return row;
  }));
  const more = queue.total - queue.messages.length;
  get("queue-more").textContent = queue.total === 0 ? "No messages." : more > 0 ? `And ${more} older ones.` : "";
}

async function openMessage(of) {
  number = of;
  await showMessage();
  await showQueue();
  get("message-title").focus();
}

async function showMessage() {
  if (number === null) return;
  const message = await ask(`message?${new URLSearchParams({ ...instance, number })}`);
  get("message-section").hidden = false;
  get("message-title").textContent = `Message ${number}`;
  get("header").replaceChildren(...Object.entries(message.header).flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  get("resources").replaceChildren(...message.resources.map((resource) => make("li", resource)));
  get("json").textContent = message.json;
  get("xml").textContent = message.xml;
}

const showAll = () => act(async () => {
  await showState();
  await showQueue();
  await showMessage();
});

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
events.onopen = () => { get("live").textContent = "Live."; showAll(); };
events.onmessage = showAll;
events.onerror = () => { get("live").textContent = "The server does not answer."; };
