import { call, path } from "./agent.js";
import { el, show } from "./dom.js";

// A Form is a dialog whose fields show what the agent has against them.
class Form {
  constructor(id, now, done, fallback) {
    this.now = now; // the newest status
    this.dialog = document.getElementById(id);
    this.form = this.dialog.querySelector("form");
    this.title = this.dialog.querySelector("h2");
    this.button = this.dialog.querySelector("[type=submit]");
    this.done = done;
    this.fallback = fallback; // the field for words that are about none
    for (const field of this.dialog.querySelectorAll("[data-field]")) {
      field.append(el("p.error", { id: `${id}-${field.dataset.field}-error`, role: "alert", hidden: "" }));
    }
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.form.addEventListener("input", () => this.asks(""));
    this.dialog.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
  }

  // asks has the person press once more where a new rule would replace another.
  asks(why, field = this.fallback) {
    if (why) this.refuse(why, field);
    else if (this.asked) this.clear();
    this.asked = why;
    show(this.button, why ? "Replace it" : this.verb);
  }

  open(title, button) {
    this.form.reset();
    this.clear();
    this.verb = button;
    this.asks("");
    show(this.title, title);
    this.dialog.showModal();
  }

  async submit(event) {
    event.preventDefault();
    this.clear();
    const twin = this.asked ? "" : this.twin(this.rule());
    if (twin) {
      this.asks(twin, this.key);
      return;
    }
    this.button.disabled = true;
    try {
      const rule = await call("POST", this.url, this.rule());
      this.dialog.close();
      this.done(rule);
    } catch (error) {
      this.button.disabled = false;
      this.asks("");
      this.refuse(error.message, error.field);
    }
    this.button.disabled = false;
  }

  clear() {
    for (const field of this.dialog.querySelectorAll("[data-field]")) this.mark(field, "");
  }

  // refuse shows why beside the field that it is about, and goes there.
  refuse(why, name) {
    const field = this.dialog.querySelector(`[data-field="${name}"]`) ?? this.dialog.querySelector(`[data-field="${this.fallback}"]`);
    field.closest("details")?.setAttribute("open", "");
    this.mark(field, why);
    inputs(field)[0]?.focus();
  }

  mark(field, why) {
    const words = field.lastElementChild;
    show(words, why);
    for (const input of inputs(field)) {
      input.described ??= input.getAttribute("aria-describedby") ?? "";
      if (!why) input.removeAttribute("aria-invalid");
      else input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", `${input.described}${why ? ` ${words.id}` : ""}`.trim());
    }
  }
}

const inputs = (field) => [...field.querySelectorAll("input:not([type=checkbox]), select")];

// A StreamForm adds and changes stream rules.
export class StreamForm extends Form {
  url = "api/streams";
  key = "stream";

  constructor(now, done) {
    super("stream-form", now, done, "stream");
    this.choices = document.getElementById("stream-feeds");
  }

  start(name) {
    const stats = this.now();
    const old = stats.streams[name];
    this.old = name;
    this.open(name === undefined ? "Add a stream" : `Change stream ${name}`, name === undefined ? "Add" : "Change");
    const { stream, others } = this.form.elements;
    stream.value = name ?? "";
    stream.readOnly = name !== undefined;
    const chosen = old?.feeds ?? [];
    const known = Object.entries(stats.feeds).sort().flatMap(([feed, { tracks }]) =>
      [feed, ...["video", "audio"].map((part) => `${feed}:${part}`)
        .filter((entry) => chosen.includes(entry) || new Set(tracks.map((t) => t.kind)).size > 1)]);
    this.choices.replaceChildren(...known.map((entry) => this.choice(entry, chosen.includes(entry))));
    others.value = chosen.filter((entry) => !known.includes(entry)).join(" ");
    if (name !== undefined) (this.choices.querySelector("input") ?? others).focus();
  }

  choice(entry, on) {
    const box = el("input", { type: "checkbox", value: entry });
    box.checked = on;
    const part = entry.split(":")[1];
    return el("label.choice", {}, box, part ? `${entry.split(":")[0]}, its ${part} only` : entry);
  }

  // twin asks before a new stream takes the place of one that there is, or of a
  // feed that is sent under that name.
  twin({ stream }) {
    const { streams, destinations } = this.now();
    const name = stream.replace(/^\//, "");
    if (this.old !== undefined) return "";
    if (streams[name]?.feeds) return `There is a stream ${name}. To replace its feeds by these, press once more.`;
    const sent = Object.values(destinations).some((d) => d.stream === name);
    return sent && !streams[name] ? `A feed ${name} is being sent. To send this stream in its place, press once more.` : "";
  }

  rule() {
    const { stream, others } = this.form.elements;
    const ticked = [...this.choices.querySelectorAll(":checked")].map((box) => box.value);
    return { stream: stream.value.trim(), feeds: [...ticked, ...others.value.split(/[\s,]+/).filter(Boolean)] };
  }
}

// A DestinationForm adds and changes destination rules.
export class DestinationForm extends Form {
  url = "api/destinations";
  key = "id";

  constructor(now, done) {
    super("destination-form", now, done, "destination");
  }

  // start opens it for a new rule, of what is to be sent where that is given.
  start(stream) {
    const stats = this.now();
    this.adds = true;
    this.fill(stats, { id: free(stats), stream: stream ?? only(stats), destination: "" });
    this.open("Add a destination", "Add");
    this.write(this.old);
    if (this.old.stream) this.form.elements.destination.focus();
  }

  // change opens it for a rule that there is.
  async change(id) {
    this.adds = false;
    this.fill(this.now(), await call("GET", path("api/destinations/", id)));
    this.open(`Change destination ${id}`, "Change");
    this.write(this.old);
    this.form.elements.id.readOnly = true;
  }

  fill(stats, rule) {
    this.old = rule;
    const names = new Set([...Object.keys(stats.streams), ...Object.keys(stats.feeds)]);
    document.getElementById("sendable").replaceChildren(...[...names].sort().map((name) => el("option", { value: name })));
  }

  write({ id, stream, destination = "", auth = "", file = "", tokenSet = false }) {
    const fields = this.form.elements;
    Object.assign(fields.id, { value: id, readOnly: false });
    fields.stream.value = stream;
    fields.destination.value = destination;
    fields.auth.value = auth;
    fields.file.value = file;
    show(document.getElementById("destination-token-how"), tokenSet ? "There is one. Left empty, it stays, if the host stays." : "Empty: none.");
    document.getElementById("destination-forget").hidden = !tokenSet;
    this.form.querySelector("details").open = tokenSet || auth !== "" || file !== "";
  }

  // twin asks before a new destination takes the place of one that there is.
  twin({ id }) {
    const there = this.adds && this.now().destinations[id];
    return there ? `There is a destination ${id}, of ${there.stream}. To replace it, press once more.` : "";
  }

  rule() {
    const { id, stream, destination, token, forget, auth, file } = this.form.elements;
    const rule = { id: id.value.trim(), stream: stream.value.trim() };
    if (destination.value.trim() || !file.value.trim()) rule.destination = destination.value.trim();
    if (token.value || forget.checked) rule.token = forget.checked ? "" : token.value;
    if (auth.value) rule.auth = auth.value;
    if (file.value.trim()) rule.file = file.value.trim();
    return rule;
  }
}

// free is the least number that is no rule's id.
function free(stats) {
  let n = 0;
  while (stats.destinations[n]) n++;
  return String(n);
}

// only is what there is to send, where there is one thing.
function only(stats) {
  const names = Object.keys(stats.streams).length > 0 ? Object.keys(stats.streams) : Object.keys(stats.feeds);
  return names.length === 1 ? names[0] : "";
}

// A Question asks before something is deleted.
export class Question {
  dialog = document.getElementById("confirm");
  error = document.getElementById("confirm-error");

  constructor() {
    this.dialog.querySelector("form").addEventListener("submit", (event) => this.submit(event));
    this.dialog.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
  }

  ask(title, what, url, done) {
    Object.assign(this, { url, done });
    show(document.getElementById("confirm-title"), title);
    show(document.getElementById("confirm-what"), what);
    show(this.error);
    this.dialog.showModal();
  }

  async submit(event) {
    event.preventDefault();
    try {
      await call("DELETE", this.url);
      this.dialog.close();
      this.done();
    } catch (error) {
      show(this.error, error.message);
    }
  }
}
