// Demultiplexes a transport stream with the real jsmpeg's demuxer, as its
// player does: node demux.mjs IN.ts VIDEO AUDIO
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';

// The package looks for a page when it is loaded; the demuxer needs none.
const nothing = () => new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => '' : nothing()),
  set: () => true,
  apply: () => nothing(),
  construct: () => nothing(),
});
globalThis.window = globalThis;
globalThis.document = nothing();
const { Demuxer } = createRequire(import.meta.url)('@cycjimmy/jsmpeg-player');

const [input, video, audio] = process.argv.slice(2);
const demuxer = new Demuxer.TS({});
const tracks = new Map([[Demuxer.TS.STREAM.VIDEO_1, video], [Demuxer.TS.STREAM.AUDIO_1, audio]]);
const parts = new Map();
for (const [id, file] of tracks) {
  parts.set(file, []);
  demuxer.connect(id, { write: (_pts, buffers) => parts.get(file).push(...buffers.map((b) => Buffer.from(b))) });
}
const stream = readFileSync(input);
for (let at = 0; at < stream.length; at += 32768) {
  demuxer.write(new Uint8Array(stream.subarray(at, at + 32768)).buffer);
}
for (const [file, list] of parts) {
  writeFileSync(file, Buffer.concat(list));
}
