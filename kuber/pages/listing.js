const ITEMS_AT_ONCE = 100;
const GROUPS_OPEN_UP_TO = 150; // items: above that, groups are closed until they are opened
const ITEMS_OPEN_UP_TO = 20;

/**
 * Many items in groups, of which only those that can be seen are in the document.
 *
 * An item has an `id`, may have other ones, `aliases`, and a `group`. `title` and `summary` give the children of a group's and an
 * item's line, `body` those of what an item holds.
 */
class Listing {
  constructor(root, { items, what, title = null, summary, body }) {
    Object.assign(this, { root, items, what, title, summary, body });
    this.chosen = new Map(); // by group: whether somebody opened or closed it
    this.byId = new Map(items.flatMap((one) => [one.id, ...(one.aliases ?? [])].map((id) => [id, one])));
    this.show(items);
  }

  /** Shows these of the items, and nothing else. */
  show(items) {
    this.shown = items;
    this.groups = new Map();
    for (const one of items) {
      const group = one.group ?? "";
      if (!this.groups.has(group)) this.groups.set(group, []);
      this.groups.get(group).push(one);
    }
    this.root.replaceChildren();
    if (!items.length) this.root.append(make("p", { class: "quiet" }, "Nothing matches the filters."));
    else if (this.title) for (const [name, members] of this.groups) this.root.append(this._group(name, members));
    else this._fill(this.root, items);
  }

  /** Opens an item that may not be in the document yet; gives its element, or null if it isn't among those shown. */
  reveal(id) {
    const item = this.byId.get(id);
    if (!item || !this.shown.includes(item)) return null;
    let container = this.root;
    if (this.title) {
      const group = [...this.root.children].find((one) => one.dataset.group === (item.group ?? ""));
      this.chosen.set(group.dataset.group, true);
      open(group);
      container = group.querySelector(".items");
    }
    for (let more; !document.getElementById(item.id) && (more = container.querySelector(":scope > .rest")); ) more.click();
    const element = document.getElementById(item.id);
    open(element);
    return element;
  }

  _group(name, members) {
    const group = make(
      "details",
      { class: "group", "data-group": name },
      make("summary", { class: "row" }, ...this.title(name, members)),
      make("div", { class: "items" })
    );
    group.fill = () => this._fill(group.lastElementChild, members);
    group.firstElementChild.addEventListener("click", () => this.chosen.set(name, !group.open));
    filledWhenOpen(group);
    if (this.chosen.get(name) ?? this.shown.length <= GROUPS_OPEN_UP_TO) open(group);
    return group;
  }

  _fill(container, items, from = 0) {
    container.append(...items.slice(from, from + ITEMS_AT_ONCE).map((one) => this._item(one)));
    const next = from + ITEMS_AT_ONCE;
    growLater(container, items.length - next, this.what, () => this._fill(container, items, next));
  }

  _item(item) {
    const element = make(
      "details",
      { class: "item", id: item.id },
      make("summary", { class: "row" }, ...this.summary(item))
    );
    element.fill = () => element.append(make("div", { class: "body" }, ...this.body(item)));
    filledWhenOpen(element);
    if (this.shown.length <= ITEMS_OPEN_UP_TO) open(element);
    return element;
  }
}

function filledWhenOpen(details) {
  details.addEventListener("toggle", () => details.open && fill(details));
}

function fill(details) {
  details.fill?.();
  details.fill = null;
}

function open(details) {
  fill(details);
  details.open = true;
}
