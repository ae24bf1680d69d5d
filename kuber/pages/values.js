/** Values that stand for what a plan doesn't show, and how they are read. */
const STANDING_IN = new Map([
  ["[secret]", "secret"],
  ["<unknown>", "known after apply"],
]);

const CONTEXT = 2; // lines around a difference
const LINES_SHOWN = 400; // of a text, until more are asked for

/** A value on its own: text as it is, anything with a structure as an outline. */
function shownValue(value) {
  if (value === null || value === undefined) return make("span", { class: "none" }, "none");
  if (typeof value === "object") {
    const compact = JSON.stringify(value);
    return compact.length <= 60 ? make("code", {}, compact) : make("pre", {}, ...outline(value));
  }
  if (typeof value === "string" && value.includes("\n")) return make("pre", {}, value);
  return scalar(value);
}

function scalar(value) {
  if (STANDING_IN.has(value)) return make("span", { class: "stands-in" }, STANDING_IN.get(value));
  return make("code", {}, typeof value === "string" && isAmbiguous(value) ? JSON.stringify(value) : String(value));
}

/** Whether a text would read as something else: as nothing, a number, true, or null. */
function isAmbiguous(text) {
  return text.trim() !== text || text === "" || /^(true|false|null|-?\d+(\.\d+)?)$/.test(text);
}

/** A structure as indented lines, in the manner of YAML. */
function outline(value, indent = "") {
  const pieces = [];
  const entries = Array.isArray(value) ? value.map((one) => [null, one]) : Object.entries(value);
  for (const [key, one] of entries) {
    pieces.push(indent, key === null ? "- " : make("span", { class: "key" }, `${key}: `));
    if (one !== null && typeof one === "object" && Object.keys(one).length) {
      const [, ...below] = outline(one, `${indent}  `); // what is in a list begins on the line of its dash
      pieces.push(...(key === null ? below : ["\n", `${indent}  `, ...below]));
    } else if (typeof one === "string" && one.includes("\n")) {
      const lines = one.split("\n").map((line) => (line ? `${indent}  ${line}` : ""));
      pieces.push("|\n", lines.join("\n"), "\n");
    } else if (one !== null && typeof one === "object") {
      pieces.push(Array.isArray(one) ? "[]\n" : "{}\n");
    } else {
      pieces.push(one === null ? "null" : scalar(one), "\n");
    }
  }
  return pieces;
}

/** Two texts of several lines as one difference: what they begin and end with alike is left out. */
function textDifference(before, after) {
  const [olds, news] = [before.split("\n"), after.split("\n")];
  const shorter = Math.min(olds.length, news.length);
  let head = 0;
  while (head < shorter && olds[head] === news[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && olds.at(-1 - tail) === news.at(-1 - tail)) tail += 1;
  const above = Math.max(0, head - CONTEXT);
  const below = Math.min(olds.length, olds.length - tail + CONTEXT);
  return differenceLines([
    `@@ line ${above + 1} @@`,
    ...olds.slice(above, head).map((line) => ` ${line}`),
    ...olds.slice(head, olds.length - tail).map((line) => `-${line}`),
    ...news.slice(head, news.length - tail).map((line) => `+${line}`),
    ...olds.slice(olds.length - tail, below).map((line) => ` ${line}`),
  ]);
}

const MARKS = { "+": "added", "-": "gone", "@": "hunk" };

/** The lines of a unified diff, coloured; its two lines of file names are left out. */
function unifiedDifference(text) {
  const lines = text.replace(/\n$/, "").split("\n");
  return differenceLines(lines[0]?.startsWith("--- ") && lines[1]?.startsWith("+++ ") ? lines.slice(2) : lines);
}

function differenceLines(lines) {
  const element = make("pre", { class: "diff", tabindex: 0, role: "region", "aria-label": "Difference" });
  const grow = (from) => {
    for (const line of lines.slice(from, from + LINES_SHOWN)) {
      element.append(make("span", { class: MARKS[line[0]] ?? "" }, `${line}\n`));
    }
    growLater(element, lines.length - from - LINES_SHOWN, "line", () => grow(from + LINES_SHOWN));
  };
  grow(0);
  return element;
}

/** Ends what is shown of many things with a button for more of them. */
function growLater(container, rest, what, grow) {
  if (rest <= 0) return;
  const button = make("button", { type: "button", class: "rest" }, `Show more: ${counted(rest, what)} left`);
  button.addEventListener("click", () => {
    const next = button.previousElementSibling;
    button.remove();
    grow();
    next?.nextElementSibling?.querySelector("summary")?.focus();
  });
  container.append(button);
}
