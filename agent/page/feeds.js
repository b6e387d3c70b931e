import { path } from "./agent.js";
import { Curve } from "./curve.js";
import { el, set, show, say, toggle } from "./dom.js";
import * as flow from "./flow.js";
import { watch } from "./live.js";
import { Picture } from "./picture.js";
import { age, rate, schedule, size, tracks } from "./words.js";

const parts = ["video", "audio"];
const lamps = { air: "On air", muted: "Muted", recorded: "Recording", here: "Not sent", none: "No signal" };

// A Feed is the card of one. act(method, url) changes something on the agent;
// send(name) opens the form for a destination.
export class Feed {
  curve = new Curve();
  lamp = el("span.lamp");
  codecs = el("p.codecs");
  rate = el("p.rate");
  age = el("p.age");
  to = el("p.to");
  faults = el("p.faults");
  means = el("p.means");

  constructor(name, { act, send }) {
    this.name = name;
    this.picture = new Picture(name);
    this.mute = toggle("Mute", `Mute ${name}`, () => act(this.mute, path("api/mutes/", name)), "switch.mute");
    this.parts = parts.map((part) => {
      const button = toggle(`Mute ${part}`, `Mute ${part} of ${name}`, () => act(button, path("api/mutes/", `${name}:${part}`)), "switch.mute.part");
      return button;
    });
    this.root = el("li.card.feed", {},
      this.picture.root,
      el("div.facts", {},
        el("div.head", {}, el("h3", {}, name), this.lamp),
        this.to, this.codecs,
        el("div.meter", {}, this.rate, this.curve.root), this.age, this.faults),
      el("div.mutes", {}, this.mute, this.means, el("div.parts", {}, ...this.parts)),
      el("div.more", {}, watch(name), el("div.buttons", {},
        el("button.button.small", { type: "button", "aria-label": `Send to a relay: ${name}`, onclick: () => send(name) }, "Send to a relay"))));
  }

  // update returns what has become of it, in words.
  update(stats) {
    const { name } = this;
    const feed = stats.feeds[name];
    const state = flow.feed(stats, name);
    set(this.root, "data-state", state);
    show(this.lamp, lamps[state]);
    this.flows(feed, state);
    this.shows(feed, state);
    this.mutes(stats, feed);
    const relays = [...new Set(flow.viewers(stats, name).map((d) => d.relay))];
    show(this.to, relays.length > 0 ? `to ${relays.join(", ")}` : "");
    return lamps[state].toLowerCase();
  }

  flows(feed, state) {
    const at = `feeds ${this.name}`;
    this.curve.add(feed?.bitrate ?? 0);
    if (!feed) {
      say(this.rate, "not here now");
      say(this.age);
      say(this.faults);
      return;
    }
    say(this.rate, [`${at} bitrate`, rate(feed.bitrate)]);
    if (feed.unknownBytes > 0 && state === "none") say(this.age, [`${at} unknownBytes`, size(feed.unknownBytes)], " were posted that hold no MPEG-TS so far");
    else if (feed.ageMs === null) say(this.age, "nothing has come in yet");
    else say(this.age, "last packet ", [`${at} ageMs`, age(feed.ageMs)], " ago", state !== "none" || feed.source ? "" : ", its source has gone");
    say(this.faults, ...faults(at, feed));
  }

  shows(feed, state) {
    const list = feed?.tracks ?? [];
    show(this.codecs, tracks(list));
    const video = list.find((t) => t.kind === "video");
    const arrives = state !== "none" && (feed?.bitrate ?? 0) > 0;
    this.picture.update(arrives && video ? video.codec : "", arrives && list.length > 0 ? "sound only" : arrives ? "no transport stream" : "no signal");
  }

  mutes(stats, feed) {
    const { name } = this;
    const own = stats.mutes.includes(name);
    const all = stats.mutes.includes("*");
    set(this.mute, "aria-checked", own);
    const kinds = new Set(feed?.tracks.map((t) => t.kind));
    this.parts.forEach((button, i) => {
      const on = stats.mutes.includes(`${name}:${parts[i]}`);
      set(button, "aria-checked", on);
      button.hidden = !on && !(kinds.has("video") && kinds.has("audio"));
    });
    this.root.classList.toggle("partly", !flow.muted(stats, name) && stats.mutes.some((m) => m.startsWith(`${name}:`)));
    show(this.means, [own ? "Nothing of it leaves this machine." : all ? "Muted with everything." : "", schedule(stats.owner, name)].filter(Boolean).join(" "));
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
