import { path } from "./agent.js";
import { el, set, show } from "./dom.js";
import { newest } from "./h264.js";

// Pictures are asked for one at a time, five a second at most, and only those
// that can be seen: they cost the agent work, and the browser one of its six
// connections.
const pause = 200; // ms from one request to the next
const calm = 5000; // ms to the next picture where the person wants little motion
const within = 15000; // ms for one picture: a slow machine takes some seconds
const stillDue = matchMedia("(prefers-reduced-motion: reduce)");

const watched = new Set();
let enabled = true;
let resume = 0; // when the agent has time for a picture again, ms

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) target.picture.seen = isIntersecting;
});

// A Picture is the newest of a feed or stream, drawn as it comes, or words why
// there is none.
export class Picture {
  seen = false;
  next = 0; // when to ask again, ms

  constructor(name) {
    this.name = name;
    this.canvas = el("canvas", { role: "img", "aria-label": `Picture of ${name}`, hidden: "" });
    this.words = el("p");
    this.root = el("div.screen", {}, this.canvas, this.words);
    this.root.picture = this;
    sight.observe(this.root);
    watched.add(this);
  }

  // update says what video there is, as text, and why there is none where it is "".
  update(video, why) {
    if (video !== this.video) this.next = 0;
    this.video = video;
    if (!video || !enabled) this.clear(video ? "pictures are off" : why);
  }

  clear(why) {
    this.canvas.hidden = true;
    this.tag = "";
    show(this.words, why);
  }

  async ask() {
    const coded = this.video === "h264";
    const response = await fetch(path("preview/", `${this.name}.${coded ? "h264" : "jpg"}`), {
      cache: "no-store", signal: AbortSignal.timeout(within), headers: this.tag ? { "If-None-Match": this.tag } : {},
    });
    if (response.status === 429) { // it is its turn still, and what is shown stays
      resume = performance.now() + 1000 * response.headers.get("Retry-After");
      return;
    }
    this.next = performance.now() + (stillDue.matches ? calm : 0);
    if (response.status === 304) return;
    if (!response.ok) {
      this.next = performance.now() + (response.status === 503 ? 2000 : 10000);
      const { error } = await response.json();
      this.clear(response.status === 415 ? this.elsewhere() : error);
      return;
    }
    const tag = response.headers.get("ETag") ?? "";
    const bitmap = await (coded ? this.decode(await response.arrayBuffer()) : createImageBitmap(await response.blob()));
    if (bitmap && this.video && enabled) this.draw(bitmap, tag);
    bitmap?.close();
  }

  // decode returns nothing where the browser cannot.
  async decode(data) {
    try {
      const frame = await newest(new Uint8Array(data));
      const bitmap = await createImageBitmap(frame);
      frame.close();
      return bitmap;
    } catch {
      this.next = performance.now() + 10000;
      this.clear(this.elsewhere());
    }
  }

  elsewhere() {
    return `${this.video} cannot be shown here: open it in VLC`; // its address is beside it
  }

  draw(bitmap, tag) {
    this.tag = tag;
    set(this.canvas, "width", bitmap.width);
    set(this.canvas, "height", bitmap.height);
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    this.canvas.hidden = false;
    show(this.words);
  }
}

// due is the one that has waited longest.
function due() {
  const now = performance.now();
  if (now < resume) return undefined;
  for (const p of watched) if (!p.root.isConnected) watched.delete(p);
  return [...watched].filter((p) => enabled && p.seen && p.video && p.next <= now).sort((a, b) => a.next - b.next)[0];
}

async function turn() {
  const begun = performance.now();
  const picture = document.hidden ? undefined : due();
  try {
    await picture?.ask();
  } catch {
    picture.next = performance.now() + 2000; // the agent has gone, or is late
  }
  setTimeout(turn, Math.max(0, pause - (performance.now() - begun)));
}

// enable stops and starts all pictures.
export function enable(on) {
  enabled = on;
  for (const p of watched) p.update(p.video, p.words.textContent);
}

turn();
