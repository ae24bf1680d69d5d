const review = given();
const OPERATIONS = { create: "created", update: "updated", replace: "replaced", delete: "deleted" };
const LEVELS = ["high", "medium", "low"];

const stacksOf = (one) => (one.stacks ?? []).map((place) => review.clusters[place]);
const levelsOf = (one) => (one.dangers ?? []).map((place) => review.dangers[place].level);
const highest = (levels) => LEVELS.find((one) => levels.includes(one));
const badge = (level) => level && make("span", { class: `badge ${level}` }, level);
const chips = (one) => (one.chips ?? stacksOf(one)).map((stack) => make("span", { class: "chip" }, stack));
const operation = (one) => make("span", { class: `operation ${one.operation}` }, one.done ?? OPERATIONS[one.operation]);

function groupTitle(name, members) {
  const tally = Object.entries(OPERATIONS).map(([key, done]) => [key, done, members.filter((one) => one.operation === key).length]);
  return [
    make("h3", {}, name),
    make("span", { class: "tally" }, tally.filter(([, , count]) => count).map(([key, done, count]) =>
      make("span", { class: key }, `${count.toLocaleString("en")} ${done}`))),
    badge(highest(members.flatMap(levelsOf))),
  ];
}

function entrySummary(entry) {
  return [
    operation(entry),
    make("span", { class: "kind" }, entry.kind),
    make("span", { class: "name" }, entry.name),
    make("span", { class: "about" }, badge(highest(levelsOf(entry))), chips(entry)),
  ];
}

function entryBody(entry) {
  const properties = entry.properties ?? [];
  const [plain, noise] = [properties.filter((one) => !one.noise), properties.filter((one) => one.noise)];
  const remarks = [
    ...(entry.dangers ?? []).map((place) => {
      const danger = review.dangers[place];
      return make("li", {}, badge(danger.level), " ", make("a", { href: `#${danger.id}` }, danger.what));
    }),
    ...(entry.remarks ?? []).map((one) => make("li", {}, one)),
  ];
  return [
    remarks.length > 0 && make("ul", { class: "remarks" }, ...remarks),
    plain.length > 0 && propertyTable(plain),
    noise.length > 0 && (plain.length ? quieter(noise) : propertyTable(noise)),
    make("p", { class: "foot" },
      entry.manifest && make("a", { href: `#${entry.manifest}` }, "manifest"),
      make("a", { href: `#${entry.id}` }, "link to this"),
      make("span", {}, entry.urn)),
  ];
}

function quieter(noise) {
  const text = `and ${noise.length === 1 ? "one that says" : `${noise.length} that say`} nothing by itself`;
  const said = noise.length === 1 ? text : text.replace("itself", "themselves");
  return make("details", { class: "folded quieter" }, make("summary", {}, said), propertyTable(noise));
}

function propertyTable(properties) {
  return make("table", { class: "properties" },
    make("thead", { hidden: true }, make("tr", {}, ...["Property", "Before", "After"].map((one) => make("th", { scope: "col" }, one)))),
    make("tbody", {}, ...properties.map(propertyRow)));
}

function propertyRow(property) {
  const [before, after] = [property.before ?? null, property.after ?? null];
  const why = property.replaces && make("span", { class: "why" }, "replaces the resource");
  const path = make("th", { scope: "row" }, make("code", {}, property.path), why);
  if (typeof before === "string" && typeof after === "string" && before.includes("\n") && after.includes("\n")) {
    return make("tr", {}, path, make("td", { colspan: 2 }, textDifference(before, after)));
  }
  return make("tr", {}, path,
    make("td", { class: "before" }, make("del", {}, shownValue(before))),
    make("td", { class: "after" }, make("ins", {}, shownValue(after))));
}

function manifestSummary(manifest) {
  return [
    operation(manifest),
    make("span", { class: "kind" }, manifest.kind),
    make("span", { class: "name" }, manifest.name),
    make("span", { class: "about" }, badge(highest(levelsOf(manifest))), chips(manifest)),
  ];
}

function manifestBody(manifest) {
  return [
    unifiedDifference(manifest.diff),
    make("p", { class: "foot" },
      manifest.change && make("a", { href: `#${manifest.change}` }, "properties"),
      make("a", { href: `#${manifest.id}` }, "link to this")),
  ];
}

function textOf(one) {
  const properties = (one.properties ?? []).flatMap(({ path, before, after }) => [path, asText(before), asText(after)]);
  return [one.group, one.kind, one.name, one.what, one.text, one.urn, one.diff, ...(one.remarks ?? []), ...properties].join(" ");
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Shows the dangers that fit, and those levels alone that have some. */
function showDangers(filters) {
  let shown = 0;
  for (const level of document.querySelectorAll(".level")) {
    let here = 0;
    for (const row of level.querySelectorAll("[data-danger]")) {
      const fits = filters.fits(review.dangers[row.dataset.danger]);
      row.hidden = !fits;
      here += fits;
    }
    level.hidden = !here;
    level.querySelector(".number").textContent = here.toLocaleString("en");
    shown += here;
  }
  return [[shown, review.dangers.length, "danger"]];
}

const listings = [
  ["entries", review.entries, { what: "change", title: groupTitle, summary: entrySummary, body: entryBody }],
  ["noise-entries", review.noise, { what: "noise", summary: entrySummary, body: entryBody }],
  ["manifest-entries", review.manifests, { what: "manifest", summary: manifestSummary, body: manifestBody }],
]
  .filter(([id]) => document.getElementById(id))
  .map(([id, items, options]) => new Listing(document.getElementById(id), { items, ...options }));

const everything = [review.entries, review.noise, review.manifests, review.dangers].flat();
const among = (values, of) => values.filter((value) => everything.some((one) => of(one).includes(value)));
const kindOf = (one) => (one.kind ? [one.kind] : []);
const ownLevel = (one) => (one.level ? [one.level] : levelsOf(one));

new Filters({
  listings,
  others: showDangers,
  text: textOf,
  facets: [
    { name: "cluster", label: "Cluster", values: among(review.clusters, stacksOf), of: stacksOf },
    { name: "danger", label: "Danger", values: among(LEVELS, ownLevel), of: ownLevel },
    { name: "operation", label: "Operation", values: among(Object.keys(OPERATIONS), (one) => [one.operation]), of: (one) => [one.operation] },
    { name: "kind", label: "Kind", choice: true, values: [...new Set(everything.flatMap(kindOf))].sort(), of: kindOf },
  ],
});
