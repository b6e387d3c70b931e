// Finds out from the status what leaves this machine, and where to. The owner's
// mutes are as in /api/mutes: a feed, feed:video, feed:audio, or *.

// entries are the feeds, or parts of one, that go under a name. A stream whose
// rule was deleted is silent; it does not become the feed of that name.
export function entries(stats, name) {
  if (stats.streams[name]) return stats.streams[name].feeds ?? [];
  return stats.feeds[name] ? [name] : [];
}

export const feedOf = (entry) => entry.split(":")[0];

// muted says that the owner lets nothing of an entry out.
export function muted(stats, entry) {
  const [feed, part] = entry.split(":");
  if (stats.mutes.includes("*") || stats.mutes.includes(feed)) return true;
  const both = ["video", "audio"].every((p) => stats.mutes.includes(`${feed}:${p}`));
  return part ? stats.mutes.includes(entry) : both;
}

// live says that an entry carries something now.
export function live(stats, entry) {
  const [name, part] = entry.split(":");
  const feed = stats.feeds[name];
  if (!feed || feed.bitrate === 0 || muted(stats, entry)) return false;
  const kinds = feed.tracks.map((t) => t.kind).filter((kind) => !feed.muted.includes(kind));
  if (feed.tracks.length === 0) return true; // messages
  return part ? kinds.includes(part) : kinds.length > 0;
}

const linked = (d) => d.state === "up" || d.former?.state === "up";

// destination says where one stands: air, silent, muted, hung, calling, waiting, idle.
export function destination(stats, d) {
  if (!linked(d)) return { dialling: "calling", idle: "idle" }[d.state] ?? "waiting";
  if (d.queue.hangs) return "hung";
  return sending(stats, d.stream);
}

// sending says of what goes under a name: air, muted or silent.
export function sending(stats, name) {
  const list = entries(stats, name);
  if (list.some((entry) => live(stats, entry))) return "air";
  return list.length > 0 && list.every((entry) => muted(stats, entry)) ? "muted" : "silent";
}

// viewers are the destinations that carry a feed now.
export function viewers(stats, feed) {
  return Object.values(stats.destinations).filter((d) => linked(d) && !d.queue.hangs &&
    entries(stats, d.stream).some((entry) => feedOf(entry) === feed && live(stats, entry)));
}

// recorded are the destinations whose file takes a feed now.
export function recorded(stats, feed) {
  return Object.values(stats.destinations).filter((d) => d.recording && !d.recording.error &&
    entries(stats, d.stream).some((entry) => feedOf(entry) === feed && live(stats, entry)));
}

// feed says where one stands: muted, air, recorded, here or none.
export function feed(stats, name) {
  if (muted(stats, name)) return "muted";
  if (!stats.feeds[name]?.bitrate) return "none";
  if (viewers(stats, name).length > 0) return "air";
  return recorded(stats, name).length > 0 ? "recorded" : "here";
}

// feeds are the names of those that are known, and of those that are muted.
export function feeds(stats) {
  const names = [...stats.mutes, ...stats.owner.schedule.map((m) => m.feed)].filter((entry) => entry !== "*").map(feedOf);
  return [...new Set([...Object.keys(stats.feeds), ...names])].sort();
}
