// A service worker that another program left when it had the agent's port.
import { ask, check, eventually, run, setting } from "./browser.mjs";

// attack is what a page of that program does: it is of the agent's origin. It
// returns what was let in.
async function attack() {
  const seen = [];
  const token = (html) => /name="token" content="([^"]+)"/.exec(html)?.[1];
  const found = new Set([""]);
  const look = (html) => token(html) && found.add(token(html));
  for (const options of [{}, { mode: "same-origin" }, { headers: { Accept: "text/html" } }]) look(await (await fetch("/", options)).text());
  const frame = document.createElement("iframe");
  frame.src = "/";
  document.body.append(frame);
  const popup = window.open("/");
  await new Promise((resolve) => { setTimeout(resolve, 1000); });
  for (const document of [() => frame.contentDocument, () => popup.document]) {
    try {
      look(document().documentElement.outerHTML);
    } catch { /* it cannot be read */ }
  }
  popup?.close();
  if (found.size > 1) seen.push("the token is found");
  for (const t of found) {
    const headers = { "Vw-Page-Token": t };
    const tries = [["DELETE", "/api/mutes/cam"], ["DELETE", "/api/lock"], ["POST", "/api/streams", '{"stream":"evil","feeds":["cam"]}'],
      ["POST", "/api/destinations", '{"id":"evil","stream":"cam","destination":"ws://127.0.0.1:9/evil"}'], ["POST", "/ts/evil", "x"]];
    for (const [method, url, body] of tries) {
      const { status } = await fetch(url, { method, body, headers });
      if (status !== 403) seen.push(`${method} ${url}: ${status}`);
    }
  }
  for (const path of ["/ws/api", "/ws/evil"]) {
    const open = await new Promise((resolve) => {
      const ws = new WebSocket(`ws://${location.host}${path}`);
      ws.onopen = () => resolve(true);
      ws.onerror = () => resolve(false);
    });
    if (open) seen.push(path);
  }
  return seen;
}

await run(async (browser) => {
  const url = setting.url.replace("127.0.0.1", "localhost");
  const pages = [];
  for (const mode of ["answers", "passes", "preloads", "scripts"]) {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${url}/?${mode}`);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    pages.push([mode, page]);
  }
  await ask("takeover");
  for (const [mode, page] of pages) {
    await page.goto(url);
    const title = await page.title();
    check(`${mode}: at the first visit the worker is there, or put out in time`, title.startsWith("evil") || mode === "scripts", title);
    check(`${mode}: the worker has not found the token`, !title.includes("token"), title);
    if (mode !== "scripts") {
      const seen = await page.evaluate(attack);
      check(`${mode}: its page changes nothing`, seen.length === 0, seen);
    }
    await eventually(`${mode}: the worker is put out`, async () => {
      const left = await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
      return left === 0 || left;
    });
    if (mode !== "scripts") {
      const seen = await page.evaluate(attack);
      check(`${mode}: nor does what is left of it`, seen.length === 0, seen);
    }
    await page.goto(url);
    check(`${mode}: the page is the agent's then`, (await page.locator("#mute-all").count()) === 1, await page.title());
    await page.getByRole("switch", { name: "Lock the rules" }).click();
    await eventually(`${mode}: and can change what it is to`, async () => (await ask("locked")) === false);
    await page.getByRole("switch", { name: "Lock the rules" }).click();
    await eventually(`${mode}: and back`, async () => ask("locked"));
  }
});
