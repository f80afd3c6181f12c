// The view of domains and instances: who is there, what waits for them, who listens.

import { get, make, name, number, refresh } from "./elements.js";
import { query } from "./server.js";

/** Shows the domains with their instances. */
export function showInstances({ domains }) {
  refresh(get("domains"), domains, () => domains.map(section));
}

function section(domain) {
  const count = domain.activity_definitions;
  const about = `${number(count)} activity definition${count === 1 ? "" : "s"}`;
  return make("section", [
    make("h3", ["Domain ", name(domain.name)]),
    make("p", about, { class: "soft" }),
    domain.instances.length
      ? make("ul", domain.instances.map((instance) => card(domain.name, instance)), { class: "cards" })
      : make("p", "It has no instances.", { class: "soft" }),
  ], { class: "domain" });
}

function card(domain, instance) {
  const { username } = instance;
  const key = `${domain}/${username}`;
  const to = (status) => query({ domain, username, status });
  const counts = Object.entries(instance.messages).map(([status, count]) =>
    make("a", `${number(count)} ${status}`, {
      class: "status", "data-status": status, href: to(status), "data-key": `${key}/${status}`,
    }));
  const empty = make("span", "Its queue is empty.", { class: "soft" });
  const events = instance.subscriptions.map((event) => make("div", name(event)));
  const row = (title, content) => [make("dt", title), make("dd", content)];
  return make("li", [
    make("h4", make("a", name(username), { href: to(), "data-key": key })),
    make("div", counts.length ? counts : empty, { class: "counts" }),
    make("dl", [
      row("Application", name(instance.application)),
      row("API version", instance.api_version),
      row("On the hub", String(instance.listening)),
      make("dt", "Subscribed to", { class: "whole" }),
      make("dd", events.length ? events : "nothing", { class: "whole" }),
    ]),
  ], { class: "card", "data-key": key });
}
