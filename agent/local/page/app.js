import { call, follow, owner, path } from "./agent.js";
import { Destination, Link } from "./destinations.js";
import { Devices } from "./devices.js";
import { el, keyed, say, set, show } from "./dom.js";
import { Feed } from "./feeds.js";
import { DestinationForm, Question, StreamForm } from "./forms.js";
import { hear } from "./level.js";
import { testPicture } from "./live.js";
import { enable } from "./picture.js";
import { Stream } from "./streams.js";
import { feedNames, others, span } from "./words.js";
import { Changes, Wrong } from "./wrong.js";

const get = (id) => document.getElementById(id);

let stats; // the newest status
let told = new Map(); // what was said last of every card, in words

// refresh shows what a change has done, without waiting for the next second.
async function refresh() {
  try {
    render(await call("GET", "api/stats"));
  } catch {
    // the events tell that the agent has gone
  }
}

// flip turns a switch: PUT is on, DELETE is off. A switch that shows more than
// what it turns itself has that as own. Where it is turned again before that is
// done, it is turned back then.
async function flip(button, url) {
  const busy = button.getAttribute("aria-busy") === "true";
  button.wanted = busy ? !button.wanted : !(button.own ?? button.getAttribute("aria-checked") === "true");
  if (busy) return;
  set(button, "aria-busy", "true");
  try {
    for (let on; on !== button.wanted;) {
      on = button.wanted;
      const { kept, warning } = await call(on ? "PUT" : "DELETE", url);
      show(get("said"), warning ? `Done, but ${warning}.` : kept || !on ? "" : "Done. It lasts until the agent stops: with VW_STATE it would outlive that.");
      await refresh();
    }
  } catch (error) {
    show(get("said"), error.message);
    await refresh();
  }
  button.removeAttribute("aria-busy");
}

const changed = (focus) => () => {
  void refresh();
  focus?.focus();
};
const streamForm = new StreamForm(() => stats, changed());
const destinationForm = new DestinationForm(() => stats, changed());
const question = new Question();
const wrong = new Wrong(get("wrong"), get("wrong-count"));
const changes = new Changes(get("recent"));

const onFeed = { act: flip, send: (name) => destinationForm.start(name) };
const onStream = {
  change: (name) => streamForm.start(name),
  send: (name) => destinationForm.start(name),
  remove: (name) => question.ask(`Delete stream ${name}?`, "Destinations that name it fall silent at once.", path("api/streams/", name), changed(get("add-stream"))),
};
const onDestination = {
  async change(id) {
    try {
      await destinationForm.change(id);
    } catch (error) {
      show(get("said"), error.message);
    }
  },
  remove: (id) => question.ask(`Delete destination ${id}?`, "Its link is closed at once. A token that it has is forgotten.", path("api/destinations/", id), changed(get("add-destination"))),
};

function render(newest) {
  const again = stats && stats.instance !== newest.instance;
  stats = newest;
  if (again) show(get("said"), "The agent has been started again: load this page again to change anything but to mute and to lock.");
  for (const map of [stats.feeds, stats.streams, stats.destinations]) Object.setPrototypeOf(map, null); // "constructor" is a name like any other
  document.body.dataset.link = "live";
  show(get("gone"));
  show(get("word"), stats.owner.muteFile ? `Everything is muted: ${stats.owner.muteFile}.` : "");
  wrong.update(stats);
  get("owner").hidden = !stats.owner.token;
  const said = new Map();
  const cards = (id, names, make, what) => {
    for (const [name, card] of keyed(get(id), names, make)) said.set(`${what} ${name}`, card.update(stats));
  };
  cards("feeds", feedNames(stats), (name) => new Feed(name, onFeed), "feed");
  cards("streams", Object.keys(stats.streams).sort(), (name) => new Stream(name, onStream), "stream");
  cards("destinations", Object.keys(stats.destinations).sort(), (id) => new Destination(id, onDestination), "destination");
  head();
  channel();
  tell(said, again);
}

function head() {
  const sends = Object.values(stats.feeds).some(({ condition }) => condition === "on_air" || condition === "partial");
  const state = stats.mutes.includes("*") ? "muted" : sends ? "on_air" : "none";
  show(get("name"), stats.name);
  set(get("lamp"), "data-state", state);
  show(get("lamp"), { muted: "Everything is muted", on_air: "On air", none: "Nothing is on air" }[state]);
  document.title = `${get("lamp").textContent}: ${stats.name}`;
  set(get("mute-all"), "aria-checked", stats.mutes.includes("*"));
  show(get("version"), stats.version);
  say(get("uptime"), ["uptime", span(stats.uptime)]);
  get("no-streams").hidden = Object.keys(stats.streams).length > 0;
  get("no-destinations").hidden = Object.keys(stats.destinations).length > 0;
  if (get("feeds").childElementCount === 0 && !get("hint").offered) get("hint").open = get("hint").offered = true;
}

const control = { address: el("p.way"), link: new Link(), trial: el("p"), trialLink: new Link(), others: el("p.note") };
get("channel").append(control.address, control.link.root, control.trial, control.trialLink.root, control.others);

function channel() {
  const c = stats.control;
  set(get("lock"), "aria-checked", stats.locked);
  show(control.address, c?.destination ?? "None: this agent is managed from this machine alone. VW_API gives it one.");
  control.link.root.hidden = !c;
  if (c) control.link.update(stats, c, "control");
  control.trialLink.root.hidden = !c?.onTrial;
  show(control.trial, c?.onTrial ? `On trial, until a command has come in there: ${c.onTrial.destination}` : "");
  if (c?.onTrial) control.trialLink.update(stats, c.onTrial, "control onTrial");
  show(control.others, c ? others(c) : "");
}

// tell says aloud what has become of feeds, streams, destinations and channel.
function tell(said, again) {
  if (stats.control) said.set("command channel", stats.control.state === "up" ? "connected" : "not connected");
  said.set("rules", stats.locked ? "locked" : "not locked");
  const news = [...said].filter(([what, words]) => told.size > 0 && told.get(what) !== words).map(([what, words]) => `${what}: ${words}.`);
  for (const what of told.keys()) if (!said.has(what)) news.push(`${what}: gone.`);
  if (again) news.unshift("The agent has started anew.");
  if (news.length > 0) {
    get("changes").textContent = news.join(" ");
    changes.add(news);
  }
  told = said;
}

function gone() {
  document.body.dataset.link = "gone";
  show(get("gone"), "The agent does not answer. What you see is old; this page goes on when it is back.");
  document.title = "No agent";
  set(get("lamp"), "data-state", "none");
  show(get("lamp"), "No agent");
  wrong.clear();
  for (const node of document.querySelectorAll("main .lamp")) show(node, "Not known");
  for (const card of document.querySelectorAll("main .card")) set(card, "data-state", "none");
}

get("mute-all").addEventListener("click", () => flip(get("mute-all"), "api/mutes/*"));
get("lock").addEventListener("click", () => flip(get("lock"), "api/lock"));
get("owner-token").addEventListener("input", () => { owner.token = get("owner-token").value.trim(); });
get("add-stream").addEventListener("click", () => stats && streamForm.start());
get("add-destination").addEventListener("click", () => stats && destinationForm.start());
get("pictures").addEventListener("click", () => {
  const on = get("pictures").getAttribute("aria-checked") !== "true";
  set(get("pictures"), "aria-checked", on);
  enable(on);
});
get("lines").append(testPicture());
new Devices(get("devices"));
follow(render, hear, gone);
