// Has the browser decode H.264 (WebCodecs): the agent decodes none.

// units finds where NAL units begin (ISO/IEC 14496-10, annex B).
function* units(data) {
  for (let i = 0; i + 4 < data.length; i++) {
    if (data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 1) yield i += 3;
  }
}

// pictures cuts coded video into its pictures. One begins at the first unit
// behind a slice that is no slice, or that is a picture's first slice.
function* pictures(data) {
  let from = 0, coded = false;
  for (const at of units(data)) {
    const type = data[at] & 0x1f, slice = type >= 1 && type <= 5, first = !slice || data[at + 1] & 0x80;
    if (coded && first) {
      yield data.subarray(from, from = at - 3);
      coded = false;
    }
    coded ||= slice;
  }
  if (coded) yield data.subarray(from);
}

// newest returns the last picture of coded video that begins with a key picture.
export async function newest(data) {
  const at = [...units(data)].find((i) => (data[i] & 0x1f) === 7);
  if (!globalThis.VideoDecoder || at === undefined) throw new Error("it cannot be decoded here");
  const coding = [...data.subarray(at + 1, at + 4)].map((b) => b.toString(16).padStart(2, "0")).join("");
  let last, failed;
  const decoder = new VideoDecoder({
    output(frame) {
      last?.close();
      last = frame;
    },
    error(error) { failed = error; },
  });
  decoder.configure({ codec: `avc1.${coding}`, optimizeForLatency: true });
  let timestamp = 0;
  for (const picture of pictures(data)) {
    decoder.decode(new EncodedVideoChunk({ type: timestamp ? "delta" : "key", timestamp: timestamp++, data: picture }));
  }
  await decoder.flush().catch((error) => { failed ??= error; });
  if (decoder.state !== "closed") decoder.close();
  if (!last) throw failed ?? new Error("there is no picture in it");
  return last;
}
