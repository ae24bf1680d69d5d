"""Whether what a page says can be read on its ground."""

from __future__ import annotations

from .browser import Tab

_LEAST = 4.5
"""Of text and ground, by the Web Content Accessibility Guidelines 2.2, 1.4.3 (AA)."""

_SCRIPT = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (ground, color) => {
    canvas.fillStyle = `rgb(${ground.join(" ")})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const groundOf = (one) =>
    over(one.parentElement ? groundOf(one.parentElement) : [255, 255, 255], getComputedStyle(one).backgroundColor);
  const light = (color) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [red, green, blue] = color.map((part) => linear(part / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const told = [...document.querySelectorAll("body *")].filter(
    (one) => one.checkVisibility() && [...one.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()));
  return told.flatMap((one) => {
    const ground = groundOf(one);
    const [less, more] = [light(over(ground, getComputedStyle(one).color)), light(ground)].sort((a, b) => a - b);
    const contrast = (more + 0.05) / (less + 0.05);
    const what = `${one.localName}.${one.className}: ${one.textContent.trim().slice(0, 40)}`;
    return contrast < LEAST ? [`${contrast.toFixed(2)} ${what}`] : [];
  });
})()
"""


def faint(tab: Tab) -> list[str]:
    """Texts that are too near to their ground in colour, each with its contrast."""
    return tab.run(_SCRIPT.replace("LEAST", str(_LEAST)))
