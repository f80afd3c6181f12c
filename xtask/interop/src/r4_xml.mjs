// The npm package fhir converts R4 resources: run by `cargo xtask interop r4-xml` as
//
//     node r4_xml.mjs PACKAGES
//
// Reads a JSON list of {json, xml} from the standard input: a resource, and our XML of it. Prints a list of the same form: its
// XML of the JSON, and its JSON of our XML. What it cannot do is an {error}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Fhir } = createRequire(`${process.argv[2]}/package.json`)("fhir");
const fhir = new Fhir();

// Numbers as strings: a number of JavaScript has no digits to keep, and the package writes both alike.
const numbers = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const withoutNumbers = (json) => JSON.parse(json.replace(numbers, (token) => (token[0] === '"' ? token : `"${token}"`)));

function attempt(convert) {
  try {
    return { text: convert() };
  } catch (error) {
    return { error: String(error) };
  }
}

const documents = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(documents.map(({ json, xml }) => ({
  json: attempt(() => fhir.xmlToJson(xml)),
  xml: attempt(() => fhir.objToXml(withoutNumbers(json))),
}))));
