// The view that launches a user, as a portal would.

import { act, get, make, setOptions } from "./elements.js";
import { send } from "./server.js";

const form = get("launch");

/** Offers domains and applications. */
export function offerLaunches({ domains, applications }) {
  setOptions(form.domain, domains.map(({ name }) => [name, name]));
  setOptions(form.client_id, applications.map((application) => [application, application]));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  act(async () => {
    const { location } = await send("launch", Object.fromEntries(new FormData(form)));
    const anchor = make("a", location, { href: location, target: "_blank", rel: "noopener" });
    get("launched").replaceChildren("Launched: ", anchor);
    anchor.focus();
  });
});
