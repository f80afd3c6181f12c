// Requests to the sandbox. What goes wrong becomes an error whose message people can read.

const NOT_MODIFIED = 304;

async function request(path, options) {
  const response = await fetch(`sandbox/${path}`, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The server does not answer.");
  });
  if (response.ok || response.status === NOT_MODIFIED) return response;
  const reason = await reasonIn(response);
  const error = new Error(reason || `The server answers ${response.status} ${response.statusText}.`);
  error.status = response.status;
  throw error;
}

/** Why a request is refused: an outcome, or a text when it is not allowed from where it comes. */
async function reasonIn(response) {
  if (response.headers.get("Content-Type")?.startsWith("text/plain")) return response.text();
  const { issue } = await response.json().catch(() => ({}));
  return issue?.map(({ details }) => details).join(" ");
}

/** What is at a path, with these parameters, in JSON. */
export async function ask(path, parameters = {}, signal) {
  return (await request(`${path}${query(parameters)}`, { signal })).json();
}

/**
 * The same with its entity tag. `content` is null when it is still what the given tag stands for: the browser
 * has shown it already.
 */
export async function askAgain(path, parameters, tag, signal) {
  const headers = tag ? { "If-None-Match": tag } : {};
  const response = await request(`${path}${query(parameters)}`, { headers, signal });
  const isSame = response.status === NOT_MODIFIED;
  return { tag: response.headers.get("ETag"), content: isSame ? null : await response.json() };
}

/** The same, as text. */
export async function askText(path, parameters, signal) {
  return (await request(`${path}${query(parameters)}`, { signal })).text();
}

/** Posts fields and gives the answer. */
export async function send(path, fields) {
  const headers = { "Content-Type": "application/json" };
  return (await request(path, { method: "POST", headers, body: JSON.stringify(fields) })).json();
}

/** Parameters as a query; those that are empty are left out. */
export function query(parameters) {
  const isGiven = ([, value]) => value !== undefined && value !== null && value !== "";
  const given = Object.entries(parameters).filter(isGiven);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/**
 * Lets one request of a kind run at a time: a newer one takes the place of an older one. A live one gives way
 * to one that somebody waits for; the next look brings what it would have brought.
 */
export function onlyNewest() {
  let current = null;
  return async ({ isLive = false }, action) => {
    if (isLive && current !== null && !current.isLive) return;
    current?.controller.abort();
    const own = { isLive, controller: new AbortController() };
    current = own;
    try {
      await action(own.controller.signal);
    } finally {
      if (current === own) current = null;
    }
  };
}
