// Makes a form for each operation of the OpenAPI document, and sends it. Nothing is ever put in as HTML.
"use strict";

const make = (name, attributes, ...children) => {
  const it = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  it.append(...children);
  return it;
};

// An example of a schema, deep enough to be filled in.
const example = (root, schema, depth) => {
  if (schema === true || depth > 6) return null;
  if (schema.$ref) {
    const path = schema.$ref.slice(2).split("/");
    return example(root, path.reduce((it, key) => it[key], root), depth + 1);
  }
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const way = (schema.oneOf || schema.anyOf || schema.allOf || [])[0];
  if (way) return example(root, way, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "object": {
      const entries = Object.entries(schema.properties || {});
      return Object.fromEntries(entries.map(([key, it]) => [key, example(root, it, depth + 1)]));
    }
    case "array": return [example(root, schema.items || true, depth + 1)];
    case "string": return "";
    case "integer": case "number": return 0;
    case "boolean": return false;
    default: return null;
  }
};

const form = (root, method, path, operation) => {
  const fields = [];
  const it = make("form", {});
  for (const parameter of operation.parameters || []) {
    const input = make("input", { spellcheck: "false", autocomplete: "off" });
    input.required = parameter.required === true;
    fields.push({ parameter, input });
    const text = `${parameter.name} (${parameter.in}) ${parameter.description || ""}`;
    it.append(make("label", {}, text, input));
  }
  const content = Object.entries(operation.requestBody?.content || {})[0];
  const body = content && make("textarea", { spellcheck: "false" });
  if (body) {
    body.value = JSON.stringify(example(root, content[1].schema, 0), null, 2);
    it.append(make("label", {}, content[0], body));
  }
  const answer = make("pre", { hidden: "", tabindex: "0", "aria-live": "polite" });
  it.append(make("button", {}, "Send"), answer);
  it.addEventListener("submit", async (event) => {
    event.preventDefault();
    answer.hidden = false;
    answer.textContent = "…";
    try {
      answer.textContent = await send(method, path, fields, content?.[0], body?.value);
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  return it;
};

const send = async (method, path, fields, type, body) => {
  const headers = { "X-Requested-With": "try" };
  const token = document.getElementById("token").value;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (type) headers["Content-Type"] = type;
  const query = new URLSearchParams();
  for (const { parameter, input } of fields) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (parameter.in === "query") query.append(parameter.name, input.value);
    else headers[parameter.name] = input.value;
  }
  const target = query.size ? `${path}?${query}` : path;
  const response = await fetch(target, { method, headers, body, credentials: token ? "omit" : "same-origin" });
  let text = await response.text();
  if ((response.headers.get("Content-Type") || "").includes("json")) text = JSON.stringify(JSON.parse(text), null, 2);
  return `${response.status} ${response.statusText}\n\n${text}`;
};

const show = (root) => {
  const main = document.getElementById("operations");
  main.replaceChildren();
  const sections = new Map();
  for (const [path, methods] of Object.entries(root.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0];
      if (!sections.has(tag)) {
        const section = make("section", {}, make("h2", {}, tag));
        sections.set(tag, section);
        main.append(section);
      }
      const role = operation.security.flatMap((it) => Object.values(it).flat())[0] || "anyone";
      const summary = make("summary", {},
        make("span", { class: "method" }, method.toUpperCase()), make("code", {}, path),
        make("span", {}, operation.summary), make("span", { class: "role" }, role));
      const details = make("details", {}, summary);
      details.addEventListener("toggle", () => {
        if (details.open && details.childElementCount === 1) details.append(form(root, method.toUpperCase(), path, operation));
      });
      details.dataset.text = `${method} ${path} ${operation.summary}`.toLowerCase();
      sections.get(tag).append(details);
    }
  }
};

document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const it of document.querySelectorAll("details")) it.hidden = !it.dataset.text.includes(wanted);
});

fetch("/api/v1/openapi.json").then((it) => it.json()).then(show).catch((error) => {
  document.getElementById("operations").textContent = String(error);
});
