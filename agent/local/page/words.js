// Says figures and states in words.

const units = (value, base, names) => {
  let i = 0;
  while (value >= base && i < names.length - 1) {
    value /= base;
    i++;
  }
  return `${i > 0 && value < 100 ? value.toPrecision(3) : Math.round(value)} ${names[i]}`;
};

export const rate = (bits) => units(bits, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
export const size = (bytes) => units(bytes, 1000, ["bytes", "kB", "MB", "GB", "TB"]);

// span says a time in seconds, by its one or two largest units.
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

// age says how long ago, of milliseconds.
export const age = (ms) => (ms < 1000 ? `${ms} ms` : span(ms / 1000));

// now is the agent's own time, in ms, so that its clock alone counts.
export const now = (stats) => Date.parse(stats.started) + stats.uptime * 1000;

const codecs = {
  mpeg1video: "MPEG-1", mpeg2video: "MPEG-1/2", mpeg4: "MPEG-4", h264: "H.264", hevc: "H.265", mp2: "MP2", aac: "AAC",
  aac_latm: "AAC", ac3: "AC-3", eac3: "E-AC-3", opus: "Opus",
};

// tracks says what is in a feed or stream.
export const tracks = (list) => list.map((t) => `${t.kind} ${codecs[t.codec] ?? t.codec}`).join(", ");

// fillers says what players get of a stream in place of tracks that are not there.
export const fillers = (slots) => slots.flatMap(({ kind, feed, filled, notFilled, condition }) => {
  const track = feed ? `the ${kind} of ${feed}` : `${kind} that it had`;
  if (filled) return `Players get ${filled} in place of ${track}.`;
  return notFilled && condition !== "muted" ? `Players have lost ${track}: ${notFilled}.` : [];
}).join(" ");

// lamps are the conditions in words; a feed that nobody wants has no signal.
const lamps = {
  on_air: "On air", partial: "Partly on air", behind: "Behind", recording: "Recording", present: "Not sent", muted: "Muted", silent: "Silent",
  missing: "No signal", pending: "Calling", unreachable: "Not on air", not_allowed: "Not allowed",
};
export const lamp = (condition) => lamps[condition] ?? condition;

// feedNames are those of feeds that are known, and of those that are muted, now or
// by the clock.
export function feedNames({ feeds, mutes, owner }) {
  const names = [...mutes, ...owner.schedule.map((m) => m.feed)].filter((entry) => entry !== "*").map((entry) => entry.split(":")[0]);
  return [...new Set([...Object.keys(feeds), ...names])].sort();
}

// others says where the command channel is sought besides.
export function others({ destination, former, configured }) {
  const at = new Map([[former, "before the last move"], [configured, "VW_API"]]);
  const besides = [...at].filter(([url]) => url && url !== destination).map(([url, why]) => `${url} (${why})`);
  return besides.length > 0 ? `Where that cannot be reached it is sought at ${besides.join(" and ")} too.` : "";
}

const time = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });

// schedule says when a feed is muted by the clock.
export const schedule = (owner, feed) => owner.schedule.filter((m) => m.feed === feed || m.feed.startsWith(`${feed}:`)).map((m) => {
  const when = `${m.feed === feed ? "" : `(${m.feed.slice(feed.length + 1)}) `}${m.until ? `until ${time.format(new Date(m.until))}` : m.every}`;
  return m.now ? `Muted ${when}; to unmute ends that.` : `Will be muted ${when}; vw unmute ${m.feed} ends that.`;
}).join(" ");
