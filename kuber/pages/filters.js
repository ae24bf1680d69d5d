const WRITTEN_AFTER_MS = 200;
const FRAMES_TO_SETTLE = 3;

/**
 * What narrows listings down, as the address has it after `#`: `#change-0a1b&cluster=prod-eks,prod-gke&q=replicas`.
 *
 * A facet has a `name`, a `label`, its `values` and `of`, which gives those that an item has. One with `choice` takes one value at a
 * time. What is chosen of a facet may be any of it; of several facets, each has to fit.
 */
class Filters {
  constructor({ facets, listings, others = () => [], text }) {
    Object.assign(this, { facets, listings, others, text });
    this.form = document.getElementById("filters");
    this.search = document.getElementById("search");
    this.chosen = Object.fromEntries(facets.map((one) => [one.name, new Set()]));
    this._build();
    this._listen();
    this.form.hidden = false;
    this._leaveRoom();
    new ResizeObserver(() => this._leaveRoom()).observe(this.form);
    this._follow();
    addEventListener("load", () => setTimeout(() => this._goTo(this.target))); // the browser's own jump takes the focus away
  }

  /** Whether an item fits what is chosen. */
  fits(item) {
    for (const facet of this.facets) {
      const chosen = this.chosen[facet.name];
      if (chosen.size && !facet.of(item).some((one) => chosen.has(one))) return false;
    }
    if (!this.words.length) return true;
    item.haystack ??= this.text(item).toLowerCase();
    return this.words.every((word) => item.haystack.includes(word));
  }

  apply() {
    this.words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const told = [];
    for (const listing of this.listings) {
      const fitting = listing.items.filter((one) => this.fits(one));
      if (fitting.length !== listing.shown.length || fitting.some((one, index) => one !== listing.shown[index])) {
        listing.show(fitting);
      }
      told.push([fitting.length, listing.items.length, listing.what]);
    }
    told.push(...this.others(this));
    const some = told.filter(([, all]) => all);
    document.getElementById("shown").textContent = some
      .map(([fitting, all, what]) => (fitting === all ? counted(all, what) : `${fitting.toLocaleString("en")} of ${counted(all, what)}`))
      .join(", ");
    const chosen = this.facets.reduce((sum, one) => sum + this.chosen[one.name].size, 0);
    document.getElementById("clear").hidden = !chosen && !this.words.length;
    document.getElementById("more-filters").textContent = chosen ? `Filters (${chosen})` : "Filters";
  }

  clear() {
    this.search.value = "";
    for (const chosen of Object.values(this.chosen)) chosen.clear();
    this._changed();
  }

  /** Narrows one facet down to one value. */
  only(name, value) {
    this.chosen[name] = new Set([value]);
    this._changed();
  }

  _build() {
    const facets = document.getElementById("facets");
    this.controls = new Map();
    for (const facet of this.facets.filter((one) => one.values.length > 1)) {
      facets.append(facet.choice ? this._choice(facet) : this._toggles(facet));
    }
    document.getElementById("more-filters").hidden = !facets.childElementCount;
  }

  _toggles(facet) {
    const buttons = facet.values.map((value) => {
      const button = make("button", { type: "button", class: `toggle ${value}`, "aria-pressed": "false" }, value);
      button.addEventListener("click", () => {
        const chosen = this.chosen[facet.name];
        if (!chosen.delete(value)) chosen.add(value);
        this._changed();
      });
      return button;
    });
    this.controls.set(facet.name, (chosen) =>
      buttons.forEach((one, index) => one.setAttribute("aria-pressed", chosen.has(facet.values[index])))
    );
    return make("fieldset", {}, make("legend", {}, facet.label), ...buttons);
  }

  _choice(facet) {
    const options = facet.values.map((value) => make("option", { value }, value));
    const select = make("select", { "aria-label": facet.label }, make("option", { value: "" }, "all"), ...options);
    select.addEventListener("change", () => {
      this.chosen[facet.name] = new Set(select.value ? [select.value] : []);
      this._changed();
    });
    this.controls.set(facet.name, (chosen) => (select.value = [...chosen][0] ?? ""));
    return make("fieldset", {}, make("legend", {}, facet.label), select);
  }

  _listen() {
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.clear();
    });
    this.search.addEventListener("input", () => {
      this._show();
      clearTimeout(this.writing);
      this.writing = setTimeout(() => this._written(), WRITTEN_AFTER_MS); // browsers refuse to have it changed at each key
    });
    const more = document.getElementById("more-filters");
    more.addEventListener("click", () => {
      const expanded = this.form.classList.toggle("expanded");
      more.setAttribute("aria-expanded", expanded);
    });
    addEventListener("hashchange", () => this._follow());
    document.addEventListener("keydown", (event) => this._key(event));
    addEventListener("beforeprint", () => this._openForPrint());
  }

  _changed() {
    this._show();
    this._written();
  }

  _show() {
    for (const [name, show] of this.controls) show(this.chosen[name]);
    this.apply();
  }

  _written() {
    this.target = "";
    this._write();
  }

  _write() {
    const told = this.target ? [this.target] : [];
    for (const [name, chosen] of Object.entries(this.chosen)) {
      if (chosen.size) told.push(`${name}=${[...chosen].map(encodeURIComponent).join(",")}`);
    }
    if (this.search.value.trim()) told.push(`q=${encodeURIComponent(this.search.value.trim())}`);
    history.replaceState(null, "", told.length ? `#${told.join("&")}` : location.pathname + location.search);
  }

  /** Does as the address says: a link to an item alone leaves the filters, unless they hide it. */
  _follow() {
    const parts = location.hash.slice(1).split("&").filter(Boolean);
    const rules = parts.filter((one) => one.includes("="));
    this.target = parts.find((one) => !one.includes("=")) ?? "";
    if (rules.length) this._read(rules);
    this._show();
    if (this.target && !this._goTo(this.target) && this._isHidden(this.target)) {
      this._read([]);
      this._show();
      this._goTo(this.target);
    }
    this._write();
  }

  _read(rules) {
    for (const chosen of Object.values(this.chosen)) chosen.clear();
    this.search.value = "";
    for (const rule of rules) {
      const at = rule.indexOf("=");
      const [name, values] = [rule.slice(0, at), rule.slice(at + 1).split(",").map(decoded)];
      if (name === "q") this.search.value = values.join(",");
      else if (Object.hasOwn(this.chosen, name)) this.chosen[name] = new Set(values.filter(Boolean));
    }
  }

  _goTo(id) {
    const element = this.listings.map((one) => one.reveal(id)).find(Boolean) ?? document.getElementById(id);
    if (!element || element.closest("[hidden]")) return false;
    for (let above = element; above; above = above.parentElement) {
      if (above.localName === "details") above.open = true;
    }
    document.querySelector(".target")?.classList.remove("target");
    element.classList.add("target");
    element.querySelector(":scope > summary")?.focus({ preventScroll: true });
    scrolledTo(element, FRAMES_TO_SETTLE);
    return true;
  }

  _isHidden(id) {
    return document.getElementById(id) !== null || this.listings.some((one) => one.byId.has(id));
  }

  /** Keeps what is scrolled to from under the filters, where they stay at the top. */
  _leaveRoom() {
    const height = getComputedStyle(this.form).position === "sticky" ? this.form.offsetHeight : 0;
    document.documentElement.style.setProperty("--top", `${height}px`);
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const writing = event.target.closest?.("input, select, textarea");
    if (event.key === "Escape") {
      this.clear();
      if (writing) writing.blur();
    } else if (writing) {
      if (event.key === "Enter" || event.key === "ArrowDown") this._step(event, 1);
    } else if (event.key === "/") {
      event.preventDefault();
      this.search.focus();
      this.search.select();
    } else if (event.key === "j" || event.key === "k") {
      this._step(event, event.key === "j" ? 1 : -1);
    } else if (event.target.matches?.("summary.row") && /^Arrow(Up|Down)$/.test(event.key)) {
      this._step(event, event.key === "ArrowDown" ? 1 : -1);
    }
  }

  /** Moves the focus to the next line that can be seen, or the one before. */
  _step(event, by) {
    if (event.target.localName === "select") return;
    const rows = [...document.querySelectorAll("summary.row")].filter((one) => one.checkVisibility());
    const at = rows.indexOf(document.activeElement);
    const top = this.form.getBoundingClientRect().bottom;
    const next = at >= 0 ? at + by : writingIn(event) ? 0 : rows.findIndex((one) => one.getBoundingClientRect().top >= top);
    if (!rows[next]) return;
    event.preventDefault();
    rows[next].focus({ preventScroll: true });
    rows[next].scrollIntoView({ block: "nearest" });
  }

  /** On paper nothing can be opened. */
  _openForPrint() {
    for (const listing of this.listings) {
      if (listing.shown.length > GROUPS_OPEN_UP_TO) continue;
      listing.root.querySelectorAll("details").forEach(open);
      listing.root.querySelectorAll("details").forEach(open);
    }
  }
}

/** Scrolls to an element, and again: what is above it gets its real height only when it comes near. */
function scrolledTo(element, times) {
  element.scrollIntoView({ block: "start" });
  if (times) requestAnimationFrame(() => scrolledTo(element, times - 1));
}

function writingIn(event) {
  return event.target.localName === "input";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
