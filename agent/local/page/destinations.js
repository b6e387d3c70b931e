import { address, el, set, show, say } from "./dom.js";
import { lamp, now, size, span } from "./words.js";

// A Destination is the card of one: on offers change(id) and remove(id).
export class Destination {
  lamp = el("span.lamp");
  way = el("p.way");
  link = new Link();
  sent = el("p.sent");
  recording = el("p.sent");

  constructor(id, on) {
    this.id = id;
    const button = (text, onclick) => el("button.button.small", { type: "button", "aria-label": `${text} destination ${id}`, onclick }, text);
    this.root = el("li.card.destination", { id: `card:destination:${id}` },
      el("div.facts", {},
        el("div.head", {}, el("h3", {}, id), this.lamp),
        this.way, this.link.root, this.recording),
      el("div.more", {}, this.sent, el("div.buttons", {}, button("Change", () => on.change(id)), button("Delete", () => on.remove(id)))));
  }

  // update returns what has become of it, in words.
  update(stats) {
    const d = stats.destinations[this.id];
    const at = `destinations ${this.id}`;
    set(this.root, "data-state", d.condition);
    show(this.lamp, lamp(d.condition));
    this.goes(d);
    this.link.root.hidden = d.state === "none";
    this.link.update(stats, d, at);
    const { sent, sentBytes, dropped } = d.queue;
    if (d.state === "none") say(this.sent);
    else say(this.sent, "sent ", [`${at} queue sentBytes`, size(sentBytes)], " in ", [`${at} queue sent`, String(sent)], " packets",
      ...(dropped > 0 ? ["; the link was too slow for ", [`${at} queue dropped`, String(dropped)], " more"] : []));
    this.records(d.recording, at);
    return lamp(d.condition).toLowerCase() + (d.problem ? `: ${d.problem.text}` : "");
  }

  goes(d) {
    const key = `${d.stream} ${d.destination}`;
    if (this.key === key) return;
    this.key = key;
    this.way.replaceChildren(el("b", {}, d.stream), " to ", d.destination ? address(d.destination) : "a file");
  }

  records(r, at) {
    if (!r) say(this.recording);
    else say(this.recording, r.error ? "recording has stopped: " : "recording to ", r.error ? `${r.error}, in ${r.file}` : r.file, ", ",
      [`${at} recording bytes`, size(r.bytes)]);
  }
}

// A Link tells of one in words: how it stands, and what is wrong or was last.
export class Link {
  state = el("p.link");
  means = el("p.means");
  error = el("p.raw");
  root = el("div", {}, this.state, el("div.trouble", {}, this.means, this.error));

  // update tells of the link that is at a place in the status.
  update(stats, link, at) {
    const time = now(stats);
    const since = [`${at} since`, span((time - Date.parse(link.since)) / 1000)];
    const tries = [`${at} dials`, String(link.dials)];
    say(this.state, ...({
      up: () => ["connected to ", link.relay, " for ", since],
      dialling: () => ["calling ", link.relay, ", try ", tries],
      waiting: () => ["not connected to ", link.relay, "; tried ", tries, " times, again ",
        ...(Date.parse(link.retryAt) > time + 1000 ? ["in ", [`${at} retryAt`, span((Date.parse(link.retryAt) - time) / 1000)]] : ["now"])],
      idle: () => ["this saved rule is not allowed any more"],
    }[link.state] ?? (() => [link.state]))());
    set(this.root, "data-link", link.state);
    this.troubles(link, at, time);
  }

  troubles({ problem, lastError = "", lastErrorAt }, at, time) {
    const trouble = this.root.lastChild;
    if (problem) say(this.means, problem.advice ?? "");
    else say(this.means, "last trouble, ", ...(lastErrorAt ? [[`${at} lastErrorAt`, span((time - Date.parse(lastErrorAt)) / 1000)], " ago:"] : []));
    show(this.error, problem?.text ?? lastError);
    trouble.hidden = !problem && !lastError;
    set(trouble, "data-old", !problem);
  }
}
