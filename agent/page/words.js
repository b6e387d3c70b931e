// Says figures, states and errors in words.

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

// What the errors of a link mean, and what to do about it.
const meanings = [
  [/connection refused/, "Nobody answers at that port. The relay is down, or the port is wrong."],
  [/no such host|server misbehaving|name resolution/, "No machine of that name is known here. Check the spelling, or this machine’s DNS."],
  [/network is unreachable|no route to host|host is down/, "There is no way there from this machine. Check its network."],
  [/not yet valid/, "The relay’s certificate is not valid now. Check this machine’s clock, then the certificate."],
  [/unknown authority/, "The relay’s certificate is from somebody this machine does not trust. An own authority goes into VW_CA_FILE."],
  [/x509|tls:/, "The relay could not show who it is, by its certificate."],
  [/no answer within|i\/o timeout|deadline exceeded/, "The relay does not answer. It may be overloaded, or a firewall swallows what is sent."],
  [/refused the token/, "The relay does not take the token. Ask who runs it for a new one."],
  [/answers no ping/, "The relay has gone silent, and is called again."],
  [/HTTP 404/, "The relay knows no such address. Check what follows its name."],
  [/HTTP 429|HTTP 503/, "The relay is busy, and is called again."],
  [/HTTP 5\d\d/, "The relay has a fault of its own."],
  [/closed the link \((1008|4\d\d\d)/, "The relay has closed the link. Its reason:"],
  [/closed the link \(10/, "The relay has hung up. Its reason:"],
  [/EOF|hung up|reset by peer|broken pipe|aborted/, "The connection broke off."],
];

export const meaning = (error) => (meanings.find(([like]) => like.test(error)) ?? ["", ""])[1];

// word says why everything is muted, or may be, without a mute of its own.
export const word = (owner) => [
  owner.stateWasDamaged && "The state file was damaged, so everything was muted and the rules were locked: look, then unmute and unlock.",
  owner.muteFile && `Everything is muted: ${owner.muteFile}.`,
  owner.clockUnset && "This machine’s clock is not set: until it is, all that is scheduled is muted.",
  owner.onAirError && `The on-air sign may tell what is not so: ${owner.onAirError}.`,
].filter(Boolean).join(" ");

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
