// The page of one topic: it takes what the relay gives at /out/<topic>, plays
// it, and says how far behind live that is, or why there is nothing to see.

import { Demuxer } from "./transport.js";
import { decoder } from "./codecs.js";
import { Clock } from "./clock.js";
import { Sound } from "./sound.js";

const at = (id) => document.getElementById(id);
const canvas = document.querySelector("canvas"), context = canvas.getContext("2d");
const clock = new Clock(), sound = new Sound(clock);
const quiet = 1.5; // seconds without anything after which it is said
const waiting = 100; // pictures at most

let shown = 0; // when the newest picture was, in ms
let demuxer, decoders = new Map(), pictures = [], faults = new Map(), trouble = "Connecting to the relay…", patience = 500;

// seen is what tests ask for.
const seen = globalThis.seen = { pictures: 0, links: 0, bytes: 0, sound: false, get level() { return sound.level(); }, get behind() { return clock.behind(); } };

function say(text) {
	if (at("message").textContent !== text) at("message").textContent = text;
	at("message").hidden = text === "";
	canvas.classList.toggle("old", text !== "");
}

function forgetPictures() {
	for (const picture of pictures) picture.close();
	pictures = [];
}

// start has everything begin anew, as for a new link.
function start() {
	forgetPictures();
	for (const d of decoders.values()) d?.close();
	decoders = new Map();
	faults = new Map();
	clock.reset();
	demuxer = new Demuxer(tracks, unit);
}

function tracks(list) {
	for (const [kind, d] of decoders) {
		if (list.some((t) => t.kind === kind && t.coding === d?.coding)) continue;
		d?.close();
		decoders.delete(kind);
		faults.delete(kind);
	}
	seen.sound = list.some((t) => t.kind === "audio");
}

function unit({ kind, coding, pts, data }) {
	if (pts === null || kind === "other") return;
	if (clock.came(pts)) {
		forgetPictures();
		for (const d of decoders.values()) d?.reset();
	}
	if (kind === "audio" && !sound.on) return;
	try {
		if (!decoders.has(kind)) {
			decoders.set(kind, null); // what it cannot decode is tried once
			const made = decoder({ kind, coding }, kind === "video" ? queue : (...s) => sound.play(...s), (error) => failed(kind, error));
			decoders.set(kind, Object.assign(made, { coding }));
		}
		const d = decoders.get(kind);
		if (kind === "video" && document.hidden) d?.reset();
		else d?.decode(data, pts);
	} catch (error) {
		failed(kind, error);
	}
}

// failed says why a track cannot be played. A decoder of the browser's that has
// failed is made anew for what comes next.
function failed(kind, error) {
	decoders.get(kind)?.close();
	if (error instanceof DOMException) decoders.delete(kind);
	else decoders.set(kind, null);
	faults.set(kind, error.message);
}

function queue(picture) {
	faults.delete("video");
	if (pictures.length >= waiting) pictures.shift().close();
	pictures.push(picture);
	pictures.sort((a, b) => a.pts - b.pts);
}

// show draws the newest picture that is due.
function show() {
	requestAnimationFrame(show);
	const time = clock.time();
	let due = null;
	while (pictures.length && pictures[0].pts <= time) {
		due?.close();
		due = pictures.shift();
	}
	if (!due) return;
	if (canvas.width !== due.width || canvas.height !== due.height) Object.assign(canvas, { width: due.width, height: due.height });
	due.draw(context);
	due.close();
	canvas.hidden = false;
	at("size").textContent = `${due.width} × ${due.height}`;
	seen.pictures++;
	shown = performance.now();
}

function link() {
	const url = new URL(location.pathname.replace(/^\/view\//, "/out/") + location.search, location.href);
	url.protocol = url.protocol.replace("http", "ws");
	const socket = new WebSocket(url);
	socket.binaryType = "arraybuffer";
	socket.onopen = () => {
		start();
		seen.links++;
		trouble = "";
		patience = 500;
	};
	socket.onmessage = ({ data }) => {
		if (typeof data === "string") return;
		seen.bytes += data.byteLength;
		demuxer.write(new Uint8Array(data));
	};
	socket.onclose = async () => {
		trouble = await why();
		setTimeout(link, patience * (0.5 + Math.random() / 2));
		patience = Math.min(5000, patience * 2);
	};
}

// why asks what a failed websocket does not tell.
async function why() {
	try {
		const { status } = await fetch(location.href, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(5000) });
		if (status === 401) return "The relay does not let you watch: the token in this page's address (?token=…) is missing, wrong or has expired.";
		return status === 200 ? "The relay has closed the link. Trying again…" : `The relay answers ${status}. Trying again…`;
	} catch {
		return "The relay does not answer. Trying again…";
	}
}

let before = 0, bits = 0; // a second, on average
function tell() {
	const behind = clock.behind(), idle = clock.idle() > quiet;
	at("behind").textContent = behind === null || idle ? "–" : `${behind.toFixed(1)} s`;
	bits += ((seen.bytes - before) * 16 - bits) / 3;
	before = seen.bytes;
	at("bitrate").textContent = bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
	at("level").value = sound.level();
	at("sound").hidden = !seen.sound;
	at("sound").textContent = sound.on ? "Mute" : "Unmute";
	say(trouble || (idle ? "Nothing comes in on this topic. It goes on by itself when something does." : faults.get("video") ||
		(canvas.hidden ? "Waiting for a picture…" : performance.now() - shown > 1000 * quiet ? "No new picture comes: this is the last one." : "")));
	at("note").textContent = faults.get("audio") ?? "";
}

at("sound").addEventListener("click", async () => {
	await sound.toggle();
	tell();
});
start();
link();
show();
setInterval(tell, 500);
tell();
