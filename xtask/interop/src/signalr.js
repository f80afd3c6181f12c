// The official JavaScript client of classic SignalR against a sandbox with the built-in world: run by
// `cargo xtask interop signalr` as
//
//     node signalr.js SERVER
//
// Over each transport: start, StartPush, one NewMessage after a post. Ends with status 0, or says what is wrong.
"use strict";

const { JSDOM } = require("jsdom");
const server = process.argv[2];
const basic = (name) => Buffer.from(`${name}:${name}`).toString("base64");
const definition = JSON.stringify({
  resourceType: "Other",
  code: { coding: [{ system: "http://ggz.koppeltaal.nl/fhir/Koppeltaal/OtherResourceUsage", code: "ActivityDefinition" }] },
});

// The page is of the server, so that jsdom sends what a browser would. Its requests have no header of their own for sockets
// and streams, so the credentials stand in the query.
function client() {
  const { window } = new JSDOM("<!DOCTYPE html>", { url: `${server}/`, runScripts: "outside-only", pretendToBeVisual: true });
  const imported = require("eventsource");
  window.EventSource = imported.EventSource || imported;
  const jQuery = require("jquery")(window);
  window.jQuery = window.$ = jQuery;
  window.document.readyState === "complete" || jQuery.ready();
  window.eval(require("fs").readFileSync(require.resolve("signalr/jquery.signalR.js"), "utf8"));
  return { window, jQuery };
}

function check(transport) {
  return new Promise((resolve, reject) => {
    const { window, jQuery } = client();
    const connection = jQuery.hubConnection(server, { qs: { Authorization: `Basic ${basic("portal")}` } });
    const hub = connection.createHubProxy("KoppeltaalHub");
    const timer = setTimeout(() => reject(new Error(`${transport}: no NewMessage`)), 20000);
    hub.on("NewMessage", () => {
      clearTimeout(timer);
      connection.stop();
      window.close();
      resolve();
    });
    connection.error((error) => console.error(transport, String(error)));
    connection.start({ transport, withCredentials: false }).done(() => {
      if (connection.transport.name !== transport) reject(new Error(`${transport}: got ${connection.transport.name}`));
      hub.invoke("StartPush").done(() => {
        // The portal is told of activity definitions.
        fetch(`${server}/FHIR/Koppeltaal/Other`, {
          method: "POST",
          headers: { Authorization: `Basic ${basic("game")}`, "Content-Type": "application/json" },
          body: definition,
        }).catch(reject);
      }).fail(reject);
    }).fail((error) => reject(new Error(`${transport}: ${error}`)));
  });
}

(async () => {
  for (const transport of ["webSockets", "serverSentEvents", "longPolling"]) {
    await check(transport);
    console.log("told over", transport);
  }
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
