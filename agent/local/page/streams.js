import { Curve } from "./curve.js";
import { el, keyed, set, show, say } from "./dom.js";
import { watch } from "./live.js";
import { Picture } from "./picture.js";
import { fillers, lamp, rate, tracks } from "./words.js";

// A Stream is the card of one: on offers change(name), remove(name) and send(name).
export class Stream {
  curve = new Curve();
  lamp = el("span.lamp");
  feeds = el("ul.chips");
  none = el("p.note");
  codecs = el("p.codecs");
  fillers = el("p.note");
  rate = el("p.rate");
  faults = el("p.faults");

  constructor(name, on) {
    this.name = name;
    this.picture = new Picture(name);
    const button = (text, label, onclick) => el("button.button.small", { type: "button", "aria-label": label, onclick }, text);
    this.change = button("Change", `Change stream ${name}`, () => on.change(name));
    this.remove = button("Delete", `Delete stream ${name}`, () => on.remove(name));
    set(this.feeds, "aria-label", `Feeds in ${name}`);
    this.root = el("li.card.stream", { id: `card:stream:${name}` },
      this.picture.root,
      el("div.facts", {},
        el("div.head", {}, el("h3", {}, name), this.lamp),
        this.feeds, this.none, this.codecs, this.fillers,
        el("div.meter", {}, this.rate, this.curve.root), this.faults),
      el("div.more", {}, watch(name), el("div.buttons", {},
        button("Send to a relay", `Send to a relay: stream ${name}`, () => on.send(name)), this.change, this.remove)));
  }

  // update returns what has become of it, in words.
  update(stats) {
    const stream = stats.streams[this.name];
    set(this.root, "data-state", stream.condition);
    show(this.lamp, lamp(stream.condition));
    this.lists(stream);
    this.flows(stream);
    return lamp(stream.condition).toLowerCase();
  }

  lists(stream) {
    const entries = stream.feeds ?? [];
    for (const [entry, chip] of keyed(this.feeds, entries, (entry) => ({ root: el("li", {}, entry, el("span")) }))) {
      const word = { muted: "muted", missing: "no signal", partial: "not all of it" }[stream.entries[entry]] ?? "";
      set(chip.root, "data-state", word);
      show(chip.root.lastChild, word);
    }
    this.feeds.hidden = entries.length === 0;
    show(this.none, stream.feeds === null ? "Deleted. Destinations that name it are silent until it is added again." : entries.length === 0 ? "No feeds: it is silent." : "");
    this.remove.hidden = stream.feeds === null;
    show(this.change, stream.feeds === null ? "Add again" : "Change");
  }

  flows(stream) {
    const at = `streams ${this.name}`;
    this.curve.add(stream.bitrate);
    say(this.rate, [`${at} bitrate`, rate(stream.bitrate)]);
    show(this.codecs, tracks(stream.tracks));
    show(this.fillers, fillers(stream.slots));
    const video = stream.tracks.find((t) => t.kind === "video");
    const flows = stream.bitrate > 0;
    this.picture.update(flows && video ? video.codec : "", flows ? "sound only" : stream.condition === "muted" ? "" : "nothing to see");
    say(this.faults, ...[["gaps", "packets missing at ", " places"], ["jumps", "clock set anew: ", " times"], ["dropped", "packets not used: ", ""]]
      .filter(([key]) => stream[key] > 0)
      .flatMap(([key, before, after], i) => [i > 0 ? `; ${before}` : before, [`${at} ${key}`, String(stream[key])], after]));
  }
}
