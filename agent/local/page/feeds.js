import { path } from "./agent.js";
import { Curve } from "./curve.js";
import { el, set, show, say, toggle } from "./dom.js";
import { Level } from "./level.js";
import { watch } from "./live.js";
import { Picture } from "./picture.js";
import { age, lamp, rate, schedule, size, tracks } from "./words.js";

const parts = ["video", "audio"];

// A Feed is the card of one. act(switch, url) turns one; send(name) opens the form
// for a destination.
export class Feed {
  curve = new Curve();
  lamp = el("span.lamp");
  codecs = el("p.codecs");
  rate = el("p.rate");
  age = el("p.age");
  to = el("p.to");
  faults = el("p.faults");
  means = el("p.means");
  wrong = el("p.wrong-here");

  constructor(name, { act, send }) {
    this.name = name;
    this.picture = new Picture(name);
    this.level = new Level(name);
    this.mute = toggle("Mute", `Mute ${name}`, () => act(this.mute, path("api/mutes/", name)), "switch.mute");
    this.parts = parts.map((part) => {
      const button = toggle(`Mute ${part}`, `Mute ${part} of ${name}`, () => act(button, path("api/mutes/", `${name}:${part}`)), "switch.mute.part");
      return button;
    });
    this.root = el("li.card.feed", { id: `card:feed:${name}` },
      this.picture.root,
      el("div.facts", {},
        el("div.head", {}, el("h3", {}, name), this.lamp),
        this.to, this.codecs,
        el("div.meter", {}, this.rate, this.curve.root), this.level.root, this.age, this.wrong, this.faults),
      el("div.mutes", {}, this.mute, this.means, el("div.parts", {}, ...this.parts)),
      el("div.more", {}, watch(name), el("div.buttons", {},
        el("button.button.small", { type: "button", "aria-label": `Send to a relay: ${name}`, onclick: () => send(name) }, "Send to a relay"))));
  }

  // update returns what has become of it, in words.
  update(stats) {
    const { name } = this;
    const feed = stats.feeds[name];
    const all = stats.mutes.includes("*");
    const condition = feed?.condition ?? (all || stats.mutes.includes(name) ? "muted" : "silent");
    const words = condition === "silent" ? "No signal" : lamp(condition);
    set(this.root, "data-state", condition);
    show(this.lamp, words);
    this.flows(feed);
    this.shows(feed, condition);
    this.mutes(stats, feed, all);
    const relays = [...new Set((feed?.to ?? []).map((id) => stats.destinations[id].relay))];
    show(this.to, relays.length > 0 ? `to ${relays.join(", ")}` : "");
    show(this.wrong, feed?.problem ? [feed.problem.text, feed.problem.advice].filter(Boolean).join(": ") : "");
    return words.toLowerCase();
  }

  flows(feed) {
    const at = `feeds ${this.name}`;
    this.curve.add(feed?.bitrate ?? 0);
    if (!feed) {
      say(this.rate, "not here now");
      say(this.age);
      say(this.faults);
      return;
    }
    say(this.rate, [`${at} bitrate`, rate(feed.bitrate)]);
    if (feed.ageMs === null) say(this.age, "nothing has come in yet");
    else say(this.age, "last packet ", [`${at} ageMs`, age(feed.ageMs)], " ago", feed.source ? "" : ", its source has gone");
    say(this.faults, ...faults(at, feed));
  }

  shows(feed, condition) {
    const list = feed?.tracks ?? [];
    show(this.codecs, tracks(list));
    const video = list.find((t) => t.kind === "video");
    const arrives = condition !== "missing" && condition !== "silent" && (feed?.bitrate ?? 0) > 0;
    this.picture.update(arrives && video ? video.codec : "", arrives && list.length > 0 ? "sound only" : arrives ? "no transport stream" : "no signal");
  }

  // mutes shows what is in force. A switch turns the mute of its own, which may be
  // one of several.
  mutes(stats, feed, all) {
    const { name } = this;
    const own = this.mute.own = stats.mutes.includes(name);
    set(this.mute, "aria-checked", own || all);
    const kinds = new Set(feed?.tracks.map((t) => t.kind));
    this.parts.forEach((button, i) => {
      const on = button.own = stats.mutes.includes(`${name}:${parts[i]}`);
      set(button, "aria-checked", on || own || all);
      button.hidden = !on && !(kinds.has("video") && kinds.has("audio"));
    });
    this.root.classList.toggle("partly", feed?.muted.length > 0 && feed.condition !== "muted");
    show(this.means, [all ? `Muted with everything${own ? ", and by itself" : ""}.` : own ? "Nothing of it leaves this machine." : "", schedule(stats.owner, name)].filter(Boolean).join(" "));
  }
}

// faults are those of a feed that there are.
function faults(at, feed) {
  return [
    ["continuityErrors", "packets missing at ", " places"], ["transportErrors", "damaged packets: "],
    ["skippedBytes", "no packets: ", "", size], ["takenOver", "taken over by another source: ", " times"],
    ["leftOut", "messages left out of a stream: "],
  ].filter(([key]) => feed[key] > 0).flatMap(([key, before, after = "", form = String], i) =>
    [i > 0 ? `; ${before}` : before, [`${at} ${key}`, form(feed[key])], after]);
}
