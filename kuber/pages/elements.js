"use strict";

/** An element. Its children are elements or text, and text stays text, whatever it holds. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== "" && one !== false));
  return element;
}

/** `1,234 changes`, `1 change`. */
function counted(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

/** What the page was given. */
function given() {
  return JSON.parse(document.getElementById("data").textContent);
}
