import { el, keyed, say, set, show } from "./dom.js";

const things = { agent: "Agent", owner: "Agent", channel: "Command channel", destination: "Destination", recording: "Recording", feed: "Feed" };
const places = { channel: "channel-title", recording: "card:destination:", destination: "card:destination:", feed: "card:feed:" };

// A Wrong is the list of what is wrong, and its count where it is always in sight.
export class Wrong {
  title = el("h2", { id: "wrong-title" });
  list = el("ul");

  constructor(root, count) {
    Object.assign(this, { root, count });
    root.append(this.title, this.list);
  }

  update({ problems }) {
    const n = ["problems length", String(problems.length)];
    say(this.title, n, problems.length === 1 ? " thing is wrong" : " things are wrong");
    say(this.count, n, " wrong");
    this.root.hidden = this.count.hidden = problems.length === 0;
    const of = new Map(problems.map((p) => [`${p.of} ${p.name ?? ""} ${p.code}`, p]));
    for (const [key, item] of keyed(this.list, [...of.keys()], (key) => new Item(of.get(key)))) item.update(of.get(key));
  }

  clear() {
    this.root.hidden = this.count.hidden = true;
  }
}

// An Item is one thing that is wrong, and leads to its card.
class Item {
  text = el("span");
  advice = el("b");

  constructor({ of, name = "" }) {
    const place = places[of];
    const words = [things[of] ?? of, name].filter(Boolean).join(" ");
    this.root = el("li", {}, place ? el("a", { href: `#${place}${name}` }, words) : el("span", {}, words), this.text, this.advice);
  }

  update({ text, advice = "" }) {
    show(this.text, text);
    show(this.advice, advice);
  }
}

const most = 30;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// Changes are the newest ones that the page has seen, the newest first.
export class Changes {
  constructor(list) {
    this.list = list;
  }

  add(news) {
    const at = clock.format(new Date());
    this.list.prepend(...news.map((words) => el("li", {}, el("time", {}, at), ` ${words}`)));
    while (this.list.childElementCount > most) this.list.lastChild.remove();
    set(this.list.closest("details"), "data-any", "true");
  }
}
