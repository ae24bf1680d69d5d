const plan = given();
const MARKS_OF = { protected: "fine", unknown: "medium", secret: "secret" };

const mark = (one) => make("span", { class: `badge ${MARKS_OF[one]}` }, one);
const marksOf = (one) => one.marks ?? [];

function groupTitle(name, members) {
  const marks = Object.keys(MARKS_OF).map((one) => [one, members.filter((member) => marksOf(member).includes(one)).length]);
  return [
    make("h3", {}, name),
    make("span", { class: "tally" }, marks.filter(([, count]) => count).map(([one, count]) => make("span", {}, `${count} ${one}`))),
    make("span", { class: "tally" }, counted(members.length, "resource")),
  ];
}

function resourceSummary(one) {
  return [
    make("span", { class: "kind" }, one.kind),
    make("span", { class: "name" }, one.name),
    make("span", { class: "about" }, marksOf(one).map(mark)),
  ];
}

function resourceBody(one) {
  return [
    fact("Options", one.options && make("span", { class: "chips" }, ...Object.entries(one.options).map(option))),
    fact("Unknown until apply", one.unknown && make("code", {}, one.unknown.join(", "))),
    fact("Provider", one.provider !== undefined && reference(one.provider)),
    one.after && precedents(one.after),
    one.inputs ? make("pre", { class: "inputs", tabindex: 0, role: "region", "aria-label": "Inputs" }, ...outline(one.inputs)) : make("p", { class: "quiet" }, "no inputs"),
    make("p", { class: "foot" }, make("a", { href: `#${one.id}` }, "link to this"), make("span", {}, one.urn)),
  ];
}

function fact(name, value) {
  return value && make("p", { class: "fact" }, make("span", { class: "quiet" }, `${name} `), value);
}

function option([name, value]) {
  return make("span", { class: "chip" }, value === true ? name : `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
}

function precedents(places) {
  const links = places.map((place) => make("li", {}, reference(place)));
  return make("details", { class: "folded quieter" }, make("summary", {}, `comes after ${counted(places.length, "resource")}`), make("ul", {}, ...links));
}

function reference(place) {
  const one = plan.resources[place];
  return make("a", { href: `#${one.id}` }, `${one.kind} ${one.name}`);
}

function textOf(one) {
  return [one.group, one.kind, one.name, one.urn, JSON.stringify(one.inputs ?? {}), JSON.stringify(one.options ?? {})].join(" ");
}

const entries = new Listing(document.getElementById("entries"), {
  items: plan.resources,
  what: "resource",
  title: groupTitle,
  summary: resourceSummary,
  body: resourceBody,
});

const distinct = (of) => [...new Set(plan.resources.flatMap(of))].sort();
const facet = (name, label, of, choice = true) => ({ name, label, of, choice, values: distinct(of) });

new Filters({
  listings: [entries],
  text: textOf,
  facets: [
    facet("provider", "Provider", (one) => [one.maker], false),
    facet("is", "Is", marksOf, false),
    facet("component", "Component", (one) => (one.group ? [one.group] : [])),
    facet("namespace", "Namespace", (one) => (one.namespace ? [one.namespace] : [])),
    facet("kind", "Kind", (one) => [one.kind]),
  ],
});
