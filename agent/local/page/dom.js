// Builds and changes elements. Text is set as text: nothing that comes from
// anywhere is ever read as HTML.

// el makes "tag.class.class" with attributes, listeners (keys that begin with
// "on", values functions) and children, which are nodes or text.
export function el(what, props = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag);
  if (classes.length > 0) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// show sets an element's text where it differs, and hides it where there is none.
export function show(node, text = "") {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

// say shows words of which some are figures: [keys into the status, text].
export function say(node, ...parts) {
  const key = JSON.stringify(parts);
  if (node.said === key) return;
  node.said = key;
  node.replaceChildren(...parts.map((part) =>
    typeof part === "string" ? part : el("span.figure", { "data-stat": part[0] }, part[1])));
  node.hidden = parts.length === 0;
}

// set gives an attribute a value where it differs.
export function set(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

// keyed keeps one card a name under parent, in this order, and returns them. A
// card has a root, which is left where it is as long as its name is there, so
// that it keeps the focus.
export function keyed(parent, names, make) {
  const cards = (parent.cards ??= new Map());
  for (const [name, card] of cards) {
    if (names.includes(name)) continue;
    card.root.remove();
    cards.delete(name);
  }
  names.forEach((name, i) => {
    if (!cards.has(name)) cards.set(name, make(name));
    const { root } = cards.get(name);
    if (parent.children[i] !== root) parent.insertBefore(root, parent.children[i] ?? null);
  });
  return cards;
}

// address shows a URL, which may be broken before its slashes.
export const address = (url) => el("code", {}, ...url.split(/(?=[/?])/).flatMap((part) => [part, el("wbr")]));

// toggle makes a switch. It has the role of one, and its own name.
export function toggle(label, described, flip, kind = "switch") {
  return el(`button.${kind}`, { type: "button", role: "switch", "aria-checked": "false", "aria-label": described, onclick: flip },
    el("span.track"), el("span", {}, label));
}
