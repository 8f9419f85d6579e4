// The console's script: sends what changes something to the API, keeps pages up to date, and no more. Pages read well
// without it.
"use strict";

const csrf = { "x-requested-with": "plimsoll" };

/** Puts a value into an object at a path such as `settings.tls.kind`; `kinds[]` is a list to which it is added. */
function put(object, path, value) {
  const names = path.split(".");
  const last = names.pop();
  const inner = names.reduce((it, name) => (it[name] ??= {}), object);
  if (last.endsWith("[]")) (inner[last.slice(0, -2)] ??= []).push(value);
  else inner[last] = value;
}

/** What becomes of the text of a field, by its `data-type`. */
const types = {
  number: Number,
  json: JSON.parse,
  list: (text) => text.split(/[\s,]+/).filter(Boolean),
  minutes: (text) => text.split(":").reduce((sum, it) => sum * 60 + Number(it), 0),
  day: (text) => new Date(text + "T23:59:59").toISOString(),
};

/** What a field says; nothing when it is empty or not chosen. */
function said(field) {
  if (field.type === "checkbox" && !field.name.endsWith("[]")) return field.checked;
  if (field.type === "checkbox" || field.type === "radio") return field.checked ? field.value : undefined;
  if (field.value.trim() === "") return undefined;
  return types[field.dataset.type ?? field.type]?.(field.value) ?? field.value;
}

/** The content of a form as JSON. Names are paths; those in an element with `data-item` belong to one item of that list. */
function content(form) {
  const object = {};
  const items = new Map();
  for (const field of form.elements) {
    if (!field.name || !field.matches("input, select, textarea") || field.matches(":disabled")) continue;
    const value = said(field);
    if (value === undefined) continue;
    const item = field.closest("[data-item]");
    if (item && !items.has(item)) {
      items.set(item, {});
      put(object, item.dataset.item + "[]", items.get(item));
    }
    put(items.get(item) ?? object, field.name, value);
  }
  return object;
}

/** Shows what another field asks for, as `data-when="login.kind=password|token"` says; what is hidden is not sent. */
function shape(form) {
  const chosen = (it) => (it?.type === "checkbox" ? String(it.checked) : it?.value);
  for (const it of form.querySelectorAll("[data-when]")) {
    const [name, values] = it.dataset.when.split("=");
    it.hidden = !values.split("|").includes(chosen(form.elements[name]));
  }
  for (const it of form.querySelectorAll("[data-when] :is(input, select, textarea)")) {
    it.disabled = it.closest("[data-when][hidden]") !== null;
  }
}

/** Puts values where `data-value` names them: texts, fields, and `data-of="DELETE /api/v1/tokens/{id}"`. */
function fill(dialog, values) {
  for (const it of dialog.querySelectorAll("[data-value]")) {
    const value = values[it.dataset.value] ?? "";
    const text = value && it.dataset.type === "address" ? new URL(value, location.origin).href : value;
    it[it.matches("input, select, textarea") ? "value" : "textContent"] = text;
  }
  for (const it of dialog.querySelectorAll("[data-of]")) {
    it.dataset.api = it.dataset.of.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
  }
}

/** Opens a dialog about something. What was typed before and not sent is gone. */
function open(dialog, values) {
  for (const it of dialog.querySelectorAll("form")) it.reset();
  fill(dialog, values);
  for (const it of dialog.querySelectorAll(".error[role=alert]")) it.hidden = true;
  dialog.showModal();
  dialog.querySelectorAll("form").forEach(shape);
  dialog.querySelectorAll("form[data-preview]").forEach(preview);
}

/** What went wrong, in words. */
async function failure(reply) {
  const { title, detail } = await reply.json().catch(() => ({}));
  return detail || title || reply.statusText;
}

async function send(element, body) {
  const [method, target] = element.dataset.api.split(" ");
  const headers = { ...csrf, "idempotency-key": crypto.randomUUID?.() ?? String(Math.random()) };
  if (body) headers["content-type"] = "application/json";
  if (element.dataset.version) headers["if-match"] = element.dataset.version;
  const reply = await fetch(target, { method, headers, body: body && JSON.stringify(body) });
  if (!reply.ok) throw new Error(await failure(reply));
  if (element.dataset.version) element.dataset.version = reply.headers.get("etag");
  return reply.status === 204 ? null : reply.json();
}

/** Does what a form or a button is for. What is made is shown, gone to, or seen on the page. */
async function act(element, body) {
  const { go, then, show } = element.dataset;
  // A form says what is wrong itself; for a button in a row the page does.
  const page = document.getElementById("wrong");
  const [error, done] = [element.querySelector(".error[role=alert]") ?? page, element.querySelector("[data-done]")];
  error.hidden = true;
  if (done) done.textContent = "";
  element.setAttribute("aria-busy", "true");
  try {
    const made = await send(element, body);
    if (go) return location.assign(go + made.id);
    if (then) return location.assign(then);
    element.closest("dialog")?.close();
    if (element.closest("dialog")) element.reset?.();
    if (show && made.secret !== null) once(document.getElementById(show), made);
    if (done) done.textContent = done.dataset.done;
    await refresh(location.href);
  } catch (why) {
    error.textContent = why instanceof TypeError ? page.dataset.unreachable : why.message;
    error.hidden = false;
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/** Shows something secret in a dialog, and forgets it with that. */
function once(dialog, made) {
  open(dialog, made);
  dialog.addEventListener("close", () => fill(dialog, {}), { once: true });
}

async function copy(button) {
  const from = document.querySelector(button.dataset.copy);
  const done = await navigator.clipboard?.writeText(from.textContent).then(() => true, () => false);
  if (!done) {
    // Browsers let pages without TLS do it only so.
    getSelection().selectAllChildren(from);
    document.execCommand("copy");
  }
  const words = button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = words), 1500);
}

async function fetched(address) {
  const reply = await fetch(address, { headers: { accept: "text/html" } });
  if (reply.redirected && new URL(reply.url).pathname === "/login") location.reload();
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}

/** Fetches a page anew and puts its living parts in the place of ours, or those that are named. */
let asked = 0;
async function refresh(address, parts) {
  const mine = ++asked;
  const page = await fetched(address);
  if (mine !== asked) return;
  for (const old of document.querySelectorAll(parts || "[data-live]")) {
    const fresh = page.getElementById(old.id);
    // Nothing is taken from under somebody's hands.
    if (!fresh || old.innerHTML === fresh.innerHTML || old.querySelector("dialog[open]")) continue;
    become(old, fresh);
    old.querySelectorAll("form").forEach(shape);
  }
  judge();
}

/** Adds an item to a list, as a template has it. */
function add(template, list) {
  const item = document.getElementById(template).content.firstElementChild.cloneNode(true);
  document.getElementById(list).append(item);
  return item;
}

function drop(button) {
  const { form } = button;
  button.closest("[data-item]").remove();
  document.getElementById(button.dataset.drop).focus();
  changed(form);
}

/** Opens or closes a branch of a tree: it is fetched as part of a page. A link without a state is one to more of it. */
async function branch(link, event) {
  event.preventDefault();
  const item = link.closest("li");
  const open = link.getAttribute("aria-expanded");
  if (open === "true") item.querySelector("ul").remove();
  else {
    const part = (await fetched(link.href)).getElementById(link.dataset.part);
    if (open) item.append(part);
    else item.replaceWith(...part.children);
  }
  if (open) link.setAttribute("aria-expanded", open !== "true");
  judge();
}

/** Whether a pattern of a rule fits a name: `*` stands for any characters, `?` for one. */
function fits(pattern, name) {
  const plain = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp("^" + plain.replaceAll("*", "[^]*").replaceAll("?", "[^]") + "$", "u").test(name);
}

/** The rules of the scope, as they stand in the form. */
function rules() {
  const read = (row) => {
    const [include, registry, repository] = [...row.querySelectorAll("select, input")].map((it) => it.value);
    return { row, include: include === "true", registry, repository };
  };
  return [...document.querySelectorAll("#rules [data-item]")].map(read);
}

/** Whether a rule is about some repository of a node, one at least. */
function meets(rule, { registry, node }) {
  if (registry !== "" && rule.registry !== "" && rule.registry !== registry) return false;
  if (!/[*?]/.test(rule.repository)) return fits(node, rule.repository);
  const [a, b] = [rule.repository, node].map((it) => it.split(/[*?]/)[0]);
  return a.startsWith(b) || b.startsWith(a);
}

/** Shows in the tree what the rules say of its nodes: of all that is in one, or of some of it. */
function judge() {
  const all = rules();
  for (const box of document.querySelectorAll("[data-node]")) {
    const { registry, node } = box.dataset;
    const last = all.findLastIndex((it) => ["", registry].includes(it.registry) && fits(it.repository, node));
    box.checked = all[last]?.include ?? false;
    const otherwise = (it) => it.include !== box.checked && meets(it, box.dataset);
    box.indeterminate = node.endsWith("*") && all.slice(last + 1).some(otherwise);
  }
}

/** Writes rules for a node that was ticked or not: those within it go, and one comes unless the others say so already. */
function choose(box) {
  const { registry, node } = box.dataset;
  const wanted = box.checked;
  const within = (it) => (registry === "" || it.registry === registry) && fits(node, it.repository);
  for (const it of rules().filter(within)) it.row.remove();
  judge();
  if (box.checked !== wanted || box.indeterminate) {
    const fields = add("rule", "rules").querySelectorAll("select, input");
    [String(wanted), registry, node].forEach((value, at) => (fields[at].value = value));
  }
  changed(document.getElementById("scope-form"));
}

/** A form says something else now. */
function changed(form) {
  if (form.querySelector("[data-when]")) shape(form);
  if (form.dataset.preview) preview(form);
  judge();
}

/** Makes an element like a fresh one and leaves alone what is alike, so that focus, scrolling and what is open stay. */
function become(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  const kept = old.matches("details") ? ["open"] : [];
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [mine, theirs] = [[...old.childNodes], [...fresh.childNodes]];
  theirs.forEach((it, at) => (mine[at] ? become(mine[at], it) : old.append(it)));
  mine.slice(theirs.length).forEach((it) => it.remove());
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.api) {
    event.preventDefault();
    act(form, content(form));
  } else if (form.dataset.file) {
    event.preventDefault();
    upload(form);
  } else if ("auto" in form.dataset) {
    event.preventDefault();
    filter(form);
  }
});

/** What a click on such an element does. */
const clicks = {
  "[data-test]": test,
  "[data-copy]": copy,
  "[data-open]": (it) => open(document.getElementById(it.dataset.open), it.dataset),
  "[data-close]": (it) => it.closest("dialog").close(),
  "[data-add]": (it) => add(it.dataset.add, it.dataset.to).querySelector("input").focus(),
  "[data-drop]": drop,
  "a[data-part]": branch,
  "button[data-api]": (it) => act(it, it.dataset.body && JSON.parse(it.dataset.body)),
};

document.addEventListener("click", (event) => {
  for (const [which, does] of Object.entries(clicks)) {
    const element = event.target.closest(which);
    if (element) return does(element, event);
  }
});

/** Filters apply as one types; the address says which, so that it can be kept and sent. */
function filter(form) {
  const given = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...given]) if (value === "") given.delete(name);
  // What comes first in a list is what is meant where nothing is said.
  for (const it of form.querySelectorAll("select")) if (it.selectedIndex === 0) given.delete(it.name);
  const address = location.pathname + (given.size ? "?" + given : "");
  history.replaceState(null, "", address);
  return refresh(address, form.dataset.auto);
}

/** Says whether a registry or an account can be watched. */
async function test(button) {
  const { form } = button;
  const out = button.closest("form, section").querySelector("output");
  if (form && !form.reportValidity()) return;
  out.textContent = "…";
  try {
    const it = await send({ dataset: { api: button.dataset.test } }, form && content(form));
    const works = it.works ?? it.arrived;
    const found = [it.product, it.version].filter(Boolean).join(" ");
    const words = it.problems?.map((problem) => problem.words) ?? [it.reason];
    out.textContent = [works ? `${out.dataset.works} ${found}` : out.dataset.fails, ...words].join("\n");
    out.className = works ? "good" : "bad";
  } catch (why) {
    out.textContent = why.message;
    out.className = "bad";
  }
}

/** Sends a file as it is, and says what became of it. */
async function upload(form) {
  const [out, list, error] = ["output", ".result", ".error"].map((it) => form.querySelector(it));
  const [method, target] = form.dataset.file.split(" ");
  const headers = { ...csrf, "content-type": form.dataset.type ?? "application/json" };
  [out.textContent, error.hidden] = ["", true];
  list?.replaceChildren();
  form.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(target, { method, headers, body: form.elements.file.files[0] });
    if (!reply.ok) throw new Error(await failure(reply));
    const it = await reply.json();
    if (list) statements(it, out, list);
    else out.textContent = out.dataset.said.replace(/\{(\w+)\}/g, (_, name) => plain(it[name]));
    await refresh(location.href);
  } catch (why) {
    error.textContent = why instanceof TypeError ? document.getElementById("wrong").dataset.unreachable : why.message;
    error.hidden = false;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/** A value of the API as pages write it: of a time, the day and the minute. */
function plain(value) {
  return String(value ?? "").replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*Z$/, "$1 $2");
}

/** Says how many statements of a document became what, and of each that became nothing why. */
function statements(it, out, list) {
  const count = (outcome) => it.statements.filter((it) => it.outcome === outcome).length;
  const [made, kept] = [count("made"), count("kept")];
  const without = it.statements.filter((it) => it.outcome === "ended" || it.outcome === "nothing");
  const nothing = without.length + it.problems.length;
  const parts = { made, kept, superseded: it.superseded.length, nothing };
  const said = Object.entries(parts).filter(([name, count]) => count || name === "made");
  out.textContent = said.map(([name, count]) => `${out.dataset[name]} ${count}`).join("\n");
  const reasons = without.map((it) => `${it.vulnerability} ${it.product}: ${it.reason}`).concat(it.problems);
  const lines = reasons.slice(0, 100).concat(reasons.length > 100 ? [`+${reasons.length - 100}`] : []);
  list.append(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

/** Offers places with a text in their name, as further choices of a field: repositories, a tag of theirs, an image. */
async function suggest(input) {
  const [text, group] = [input.value.trim(), document.getElementById(input.dataset.suggest)];
  const [, name, tag] = /^(.*?)(?::([^:/]*))?$/.exec(text);
  let found = [];
  if (text.startsWith("sha256:")) found = [[text, { image: text }]];
  else if (name) {
    const reply = await fetch("/api/v1/repositories?limit=20&text=" + encodeURIComponent(name));
    const registry = (id) => group.parentElement.querySelector(`option[value='{"registries":[${id}]}']`)?.label ?? "";
    found = (await reply.json()).items.map((it) => [
      `${it.name}${tag ? ":" + tag : ""} (${registry(it.registry)})`,
      tag ? { tags: [[it.id, tag]] } : { repositories: [it.id] },
    ]);
  }
  if (input.value.trim() !== text) return;
  group.replaceChildren(...found.map(([words, value]) => new Option(words, JSON.stringify(value))));
  group.hidden = !found.length;
  if (found.length) group.firstElementChild.selected = true;
}

/** Says what a scan would be before it is started. */
let asking;
function preview(form) {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const out = form.querySelector("output");
    try {
      const it = await send({ dataset: { api: form.dataset.preview } }, content(form));
      const { images, cost } = out.dataset;
      const costs = cost ? `; ${cost} ${it.cost}` + (it.left === null ? "" : ` / ${it.left}`) : "";
      out.textContent = `${it.images} ${images} ${it.known}${costs}`;
    } catch (why) {
      out.textContent = why.message;
    }
  }, 200);
}

let typing;
document.addEventListener("input", (event) => {
  if (event.target.dataset.node) return choose(event.target);
  if (event.target.form) changed(event.target.form);
  const form = event.target.closest("form[data-auto]");
  if (event.target.dataset.suggest) {
    clearTimeout(typing);
    typing = setTimeout(() => suggest(event.target), 250);
  }
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => filter(form), event.target.matches("select, [type=checkbox]") ? 0 : 250);
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    document.querySelector("input[type=search]")?.focus();
  }
});

for (const it of document.querySelectorAll("[data-clock]")) it.value = -new Date().getTimezoneOffset();
document.querySelectorAll("main form").forEach(shape);
document.querySelectorAll("main > :not(dialog) form[data-preview]").forEach(preview);
judge();

// What happens elsewhere shows here, at most twice a second.
if (document.querySelector("[data-live]")) {
  let waiting;
  const later = () => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      refresh(location.href).catch(() => {});
    }, 500);
  };
  const events = new EventSource("/api/v1/events");
  // What happened between the page and its first event was missed.
  events.addEventListener("open", later);
  // Nobody tells how far that is which goes on for minutes.
  setInterval(() => document.querySelector("[data-live] [data-busy]") && later(), 1500);
  for (const kind of ["task", "registry", "advisories", "notice", "reset"]) events.addEventListener(kind, later);
}
