// Requests to the sandbox. What goes wrong becomes an error whose message people can read.

async function request(path, options) {
  const response = await fetch(`sandbox/${path}`, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The server does not answer.");
  });
  if (response.ok) return response;
  const content = await response.json().catch(() => ({}));
  const details = content.issue?.map((issue) => issue.details).join(" ");
  const error = new Error(details || `The server answers ${response.status} ${response.statusText}.`);
  error.status = response.status;
  throw error;
}

/** What is at a path, with these parameters, in JSON. */
export async function ask(path, parameters = {}, signal) {
  return (await request(`${path}${query(parameters)}`, { signal })).json();
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
