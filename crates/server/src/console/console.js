// The console's script: sends what changes something to the API, keeps pages up to date, and no more. Pages read well
// without it.
"use strict";

const csrf = { "x-requested-with": "plimsoll" };

/** Puts a value into an object at a path such as `settings.tls.kind`. */
function put(object, path, value) {
  const names = path.split(".");
  const last = names.pop();
  const inner = names.reduce((it, name) => (it[name] ??= {}), object);
  inner[last] = value;
}

/** The content of a form as JSON; what is empty is left out. */
function content(form) {
  const object = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    if (field.type === "checkbox" && field.dataset.type === "each") {
      if (field.checked) (object[field.name] ??= []).push(field.value);
    } else if (field.type === "checkbox") put(object, field.name, field.checked);
    else if (field.value === "") continue;
    else if (field.dataset.when && form.elements["cycle.kind"].value !== field.dataset.when) continue;
    else if (field.dataset.type === "json") put(object, field.name, JSON.parse(field.value));
    else if (field.dataset.type === "true") put(object, field.name, true);
    else if (field.dataset.type === "list") put(object, field.name, field.value.split(/[\s,]+/).filter(Boolean));
    else if (field.dataset.type === "places") put(object, field.name, field.value.split(/[\s,]+/).filter(Boolean).map((repository) => ({ repository })));
    else if (field.type === "number") put(object, field.name, Number(field.value));
    else put(object, field.name, field.value);
  }
  if (object.login?.user) object.login.kind = "password";
  return object;
}

/** What went wrong, in words: details are English, so that others are told what kind of failure it is before. */
async function failure(reply) {
  const { title, detail } = await reply.json().catch(() => ({}));
  return (document.documentElement.lang === "en" ? [detail] : [title, detail]).filter(Boolean).join("：") || reply.statusText;
}

async function send(element, body) {
  const [method, target] = element.dataset.api.split(" ");
  const headers = { ...csrf, "idempotency-key": crypto.randomUUID?.() ?? String(Math.random()) };
  if (body) headers["content-type"] = "application/json";
  const reply = await fetch(target, { method, headers, body: body && JSON.stringify(body) });
  if (!reply.ok) throw new Error(await failure(reply));
  return reply.status === 204 ? null : reply.json();
}

async function act(element, body) {
  const error = element.querySelector?.(".error");
  if (error) error.hidden = true;
  element.setAttribute("aria-busy", "true");
  try {
    const made = await send(element, body);
    if (element.dataset.go) location.assign(element.dataset.go + made.id);
    else if (element.dataset.then) location.assign(element.dataset.then);
    else {
      element.closest("dialog")?.close();
      await refresh(location.href);
    }
  } catch (why) {
    if (error) {
      error.textContent = why.message;
      error.hidden = false;
    } else alert(why.message);
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/** Fetches a page anew and puts its living parts in the place of ours. */
let asked = 0;
async function refresh(address, whole) {
  const mine = ++asked;
  const reply = await fetch(address, { headers: { accept: "text/html" } });
  if (reply.redirected && new URL(reply.url).pathname === "/login") return location.reload();
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  if (mine !== asked) return;
  const parts = whole ? ["#main"] : [...document.querySelectorAll("[data-live]")].map((it) => "#" + it.id);
  for (const name of parts) {
    const [old, fresh] = [document.querySelector(name), page.querySelector(name)];
    if (old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceWith(fresh);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.api) {
    event.preventDefault();
    act(form, content(form));
  } else if ("auto" in form.dataset) {
    event.preventDefault();
    filter(form);
  }
});

document.addEventListener("click", (event) => {
  const tests = event.target.closest("[data-test]");
  if (tests) return test(tests);
  const element = event.target.closest("[data-api], [data-open], [data-close]");
  if (!element || element.matches("form")) return;
  if (element.dataset.open) {
    const dialog = document.getElementById(element.dataset.open);
    dialog?.showModal();
    dialog?.querySelectorAll("form[data-preview]").forEach(preview);
  } else if ("close" in element.dataset) element.closest("dialog").close();
  else act(element);
});

/** Filters apply as one types; the address says which, so that it can be kept and sent. */
function filter(form) {
  const given = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...given]) if (value === "") given.delete(name);
  const address = location.pathname + (given.size ? "?" + given : "");
  history.replaceState(null, "", address);
  return refresh(address);
}

/** Says whether a registry could be watched, before it is added. */
async function test(button) {
  const out = button.form.querySelector("output");
  out.textContent = "…";
  try {
    const it = await send({ dataset: { api: button.dataset.test } }, content(button.form));
    const found = [it.product, it.version].filter(Boolean).join(" ");
    out.textContent = it.works ? `${out.dataset.works} ${found}` : it.problems.map((problem) => problem.words).join("; ");
  } catch (why) {
    out.textContent = why.message;
  }
}

/** Says what a scan would be before it is started. */
let asking;
function preview(form) {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const out = form.querySelector("output");
    try {
      const it = await send({ dataset: { api: form.dataset.preview } }, content(form));
      out.textContent = `${it.images} ${out.dataset.images} ${it.known}; ${out.dataset.cost} ${it.cost}` + (it.left === null ? "" : ` / ${it.left}`);
    } catch (why) {
      out.textContent = why.message;
    }
  }, 200);
}

let typing;
document.addEventListener("input", (event) => {
  const asks = event.target.closest("form[data-preview]");
  if (asks) preview(asks);
  const form = event.target.closest("form[data-auto]");
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
  for (const kind of ["task", "registry", "advisories", "notice", "reset"]) events.addEventListener(kind, later);
}
