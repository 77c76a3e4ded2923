"use strict";
// Texts of memories come from anybody: they are set as text, never as markup.
const PAGE = 200;
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const at = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
};

const line = (text) => text.slice(0, 200).replace(/[\u202a-\u202e\u2066-\u2069]/g, ""); // turns no other part of a line round

const memories = read("memories");
const byId = new Map(memories.map((memory) => [memory.id, memory]));
for (const memory of memories) {
  memory.title = memory.content.split("\n").map((one) => one.replace(/^\s*#*\s*/, "").trim()).find(Boolean) || "(no text)";
  memory.day = (memory.created_at || "").slice(0, 10);
  memory.links = [];
}
for (const { source, target, type } of read("relations")) {
  byId.get(source).links.push([type.replace("_", " ") + " →", target]);
  byId.get(target).links.push(["← " + type.replace("_", " "), source]);
}
memories.sort((one, two) => (one.created_at < two.created_at ? 1 : one.created_at > two.created_at ? -1 : 0));

const filters = {
  type: (memory) => [memory.type],
  project: (memory) => (memory.project ? [memory.project] : []),
  tag: (memory) => memory.tags,
};
for (const [name, values] of Object.entries(filters)) {
  const counts = new Map();
  for (const memory of memories) for (const value of values(memory)) counts.set(value, (counts.get(value) || 0) + 1);
  for (const [value, count] of [...counts].sort((one, two) => two[1] - one[1])) {
    const option = make("option", `${value} (${count})`);
    option.value = "=" + value;
    at(name).append(option);
  }
  at(name).addEventListener("change", find);
}

let found = [];
let shown = 0;

function find() {
  const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = Object.entries(filters).filter(([name]) => at(name).value);
  found = memories.filter((memory) => {
    if (!chosen.every(([name, values]) => values(memory).includes(at(name).value.slice(1)))) return false;
    memory.words ??= [memory.content, memory.project || "", ...memory.tags, memory.id].join("\n").toLowerCase();
    return words.every((word) => memory.words.includes(word));
  });
  at("count").textContent = `${found.length} of ${memories.length}`;
  at("list").replaceChildren();
  shown = 0;
  more();
}

function more() {
  const current = location.hash.slice(1);
  for (const memory of found.slice(shown, shown + PAGE)) {
    const row = document.createElement("button");
    row.dataset.id = memory.id;
    row.append(make("span", line(memory.title), "title"));
    const about = [memory.type, memory.day, memory.project, ...memory.tags].filter(Boolean).join(" · ");
    row.append(make("span", line(about), "about"));
    if (memory.id === current) row.setAttribute("aria-current", "true");
    row.addEventListener("click", () => { location.hash = memory.id; });
    at("list").append(row);
  }
  shown += PAGE;
}

function open() {
  const memory = byId.get(location.hash.slice(1));
  for (const row of at("list").children) {
    row.toggleAttribute("aria-current", memory !== undefined && row.dataset.id === memory.id);
  }
  at("text").textContent = memory ? memory.content : "";
  const facts = at("facts");
  facts.replaceChildren();
  if (!memory) return;
  const metadata = Object.entries(memory.metadata).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
  const known = ["type", "project", "importance", "created_at", "updated_at", "id"].map((name) => [name, memory[name]]);
  for (const [name, value] of [...known, ["tags", memory.tags.join(", ")], ...metadata]) {
    if (value !== null && value !== "") facts.append(make("dt", name), make("dd", String(value)));
  }
  for (const [name, id] of memory.links) {
    const link = make("button", line(byId.get(id).title));
    link.addEventListener("click", () => { location.hash = id; });
    const cell = document.createElement("dd");
    cell.append(link);
    facts.append(make("dt", name), cell);
  }
  document.querySelector("article").scrollTop = 0;
}

document.querySelector("nav").addEventListener("scroll", ({ target }) => {
  if (target.scrollTop + target.clientHeight > target.scrollHeight - 400 && shown < found.length) more();
});
at("query").addEventListener("input", find);
addEventListener("hashchange", open);
addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select");
  if (event.key === "/" && !typing) { event.preventDefault(); at("query").focus(); }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (event.target.matches("select")) return;
    event.preventDefault();
    const place = found.findIndex((memory) => memory.id === location.hash.slice(1));
    const next = found[event.key === "ArrowDown" ? place + 1 : Math.max(0, place - 1)];
    if (!next) return;
    if (place + 1 >= shown) more();
    location.hash = next.id;
    at("list").querySelector(`[data-id="${CSS.escape(next.id)}"]`)?.scrollIntoView({ block: "nearest" });
  }
});
find();
if (!location.hash && found.length) history.replaceState(null, "", "#" + found[0].id);
open();
