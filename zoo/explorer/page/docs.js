// The page that describes the API: it reads openapi.json and shows each address with an example.

import { element } from "./dom.js";

const place = document.getElementById("docs");

/** The named part that a `$ref` points to, or the schema itself. */
function resolved(api, schema) {
  if (!schema?.$ref) return schema ?? {};
  return schema.$ref.slice(2).split("/").reduce((part, name) => part[name], api);
}

/** What a value may be, in a few words. */
function range(api, given) {
  const schema = resolved(api, given);
  const own = schema.anyOf?.find((one) => one.type !== "null") ?? schema;
  const inner = own.type === "array" ? ` of ${range(api, own.items)}` : "";
  const bounds = [own.minimum, own.maximum].some((one) => one !== undefined)
    ? ` ${own.minimum ?? ""}…${own.maximum ?? ""}`
    : "";
  return `${own.type ?? "value"}${bounds}${inner}`;
}

function rows(api, operation) {
  const found = (operation.parameters ?? []).map((one) => [
    one.name, range(api, one.schema), one.required, one.description ?? one.schema.description,
  ]);
  const json = operation.requestBody?.content?.["application/json"];
  const body = resolved(api, json?.schema);
  for (const [name, schema] of Object.entries(body.properties ?? {})) {
    found.push([name, range(api, schema), body.required?.includes(name), schema.description]);
  }
  return found;
}

function example(path, verb, operation) {
  const where = location.origin + path;
  if (operation.requestBody?.content?.["image/png"]) {
    return `curl --data-binary @image.png "${where}?checkpoint=NAME"`;
  }
  if (verb === "post") {
    const body = '{"checkpoint": "NAME", "latents": [[0.1, -0.2]]}';
    return `curl --json '${body}' "${where}" -o decoded.png`;
  }
  const needs = operation.parameters?.some((one) => one.name === "checkpoint");
  const out = path.endsWith("sample") ? " -o samples.png" : "";
  return `curl "${where}${needs ? "?checkpoint=NAME" : ""}"${out}`;
}

function section(api, path, verb, operation) {
  const table = rows(api, operation).map(([name, kind, required, told]) =>
    element("tr", {}, [
      element("td", {}, [element("code", {}, name), required ? " (needed)" : ""]),
      element("td", {}, kind),
      element("td", {}, told ?? ""),
    ]));
  const answers = Object.entries(operation.responses).map(([status, one]) =>
    element("li", {}, `${status}: ${one.description}`));
  return element("section", {}, [
    element("h2", {}, [element("code", {}, `${verb.toUpperCase()} ${path}`)]),
    element("p", {}, operation.description ?? ""),
    element("pre", { tabindex: "0" }, example(path, verb, operation)),
    table.length ? element("div", { class: "wide", tabindex: "0" }, [
      element("table", {}, [
        element("thead", {}, [element("tr", {}, ["name", "what", "meaning"].map((one) =>
          element("th", { scope: "col" }, one)))]),
        element("tbody", {}, table),
      ]),
    ]) : "",
    element("details", {}, [element("summary", {}, "Answers"), element("ul", {}, answers)]),
  ]);
}

const api = await (await fetch("openapi.json")).json();
place.append(
  element("p", {}, api.info.summary),
  element("p", {}, [
    "The same for programs: ", element("a", { href: "openapi.json" }, "openapi.json"),
    ". Where the server has a token, send it as ",
    element("code", {}, "Authorization: Bearer TOKEN"), ".",
  ]),
);
for (const [path, verbs] of Object.entries(api.paths)) {
  for (const [verb, operation] of Object.entries(verbs)) {
    place.append(section(api, path, verb, operation));
  }
}
