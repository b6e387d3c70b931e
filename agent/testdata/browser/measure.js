// Notes what a player shows and sounds, for the test that has opened it: the
// times of pictures, the clock that is drawn in them, black, sound and errors.
(() => {
  if (!location.search) return; // no player's
  const seen = [];
  const now = () => performance.timeOrigin + performance.now();
  const note = (kind, at, more) => seen.push({ kind, at, ...more });
  setInterval(() => {
    if (seen.length > 0) fetch(`/seen${location.search}`, { method: "POST", body: JSON.stringify(seen.splice(0)) });
  }, 400);

  // How long the machine holds this page up.
  let last = now();
  setInterval(() => {
    const late = now() - last - 20;
    if (late > 50) note("late", now(), { late });
    last = now();
  }, 20);

  // look reads the clock: 24 bars over the upper half, white for 1. The first
  // 20 are milliseconds, 3 the camera, the last makes the sum even.
  const bars = 24;
  function look(at, data, width, height, stride, more) {
    const luma = (x, y) => data[(Math.floor(y * height) * stride + Math.floor(x * width)) * 4 + 1];
    let clock = 0, ones = 0, sum = 0, code = [];
    for (let i = 0; i < bars; i++) {
      const one = luma((i + 0.5) / bars, 0.25) > 128 ? 1 : 0;
      code.push(one);
      ones += one;
      sum += luma((i + 0.5) / bars, 0.75) + luma((i + 0.5) / bars, 0.25);
    }
    for (let i = 0; i < 20; i++) clock = clock * 2 + code[i];
    const black = sum / bars / 2 < 24;
    const camera = code[20] * 4 + code[21] * 2 + code[22];
    note("picture", at, { clock, camera, black, garbled: !black && ones % 2 !== 0, width, height, ...more });
  }

  // jsmpeg puts every picture that it has decoded on a canvas.
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return kind.includes("webgl") ? null : getContext.call(this, kind, options);
  };
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
    put.call(this, image, ...rest);
    look(now(), image.data, image.width, image.height, image.width);
  };
  // What it has decoded of the sound it gives to a source node, to be heard at a time.
  const play = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when = 0, ...rest) {
    play.call(this, when, ...rest);
    const samples = this.buffer.getChannelData(0);
    const level = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
    note("sound", now() + Math.max(0, when - this.context.currentTime) * 1000, { level });
  };

  for (const level of ["error", "warn", "log", "info", "debug"]) {
    const say = console[level];
    console[level] = (...words) => {
      note("log", now(), { text: `${level}: ${words.join(" ")}` });
      say.apply(console, words);
    };
  }
  addEventListener("error", (e) => note("error", now(), { text: `page: ${e.message}` }));
  addEventListener("unhandledrejection", (e) => note("error", now(), { text: `promise: ${e.reason}` }));

  let library;
  Object.defineProperty(window, "mpegts", {
    get: () => library,
    set: (given) => {
      library = { ...given, createPlayer: (...args) => {
        const player = given.createPlayer(...args);
        player.on(given.Events.ERROR, (...error) => note("error", now(), { text: JSON.stringify(error) }));
        return player;
      } };
    },
  });

  addEventListener("DOMContentLoaded", () => {
    const video = document.querySelector("video");
    if (!video) return;
    const small = new OffscreenCanvas(96, 32).getContext("2d", { willReadFrequently: true });
    const next = (_, frame) => {
      small.drawImage(video, 0, 0, 96, 32);
      look(performance.timeOrigin + frame.presentationTime, small.getImageData(0, 0, 96, 32).data, 96, 32, 96,
        { media: frame.mediaTime, width: frame.width, height: frame.height });
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    video.addEventListener("error", () => note("error", now(), { text: `video: ${video.error?.message}` }));
    for (const event of ["waiting", "playing", "seeking", "stalled", "resize"]) {
      video.addEventListener(event, () => note("log", now(), { text: `video: ${event} at ${video.currentTime}, buffered ${
        [...Array(video.buffered.length).keys()].map((i) => `${video.buffered.start(i)}-${video.buffered.end(i)}`)}` }));
    }
    video.muted = false; // the viewer turns the sound on
    const context = new AudioContext();
    const meter = context.createAnalyser();
    context.createMediaElementSource(video).connect(meter).connect(context.destination);
    const samples = new Float32Array(meter.fftSize);
    setInterval(() => {
      meter.getFloatTimeDomainData(samples);
      note("sound", now(), { level: Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length) });
    }, 40);
  });
})();
