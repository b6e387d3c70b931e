// What the page shows of coded pictures and of sound: the browser decodes them.
import { ask, check, eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1100, height: 1400 } });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  check("before anybody looks nobody reads a feed", (await ask("readers")) === 0);
  let asked = 0;
  page.on("request", (request) => { if (request.url().endsWith(".h264")) asked++; });
  await page.goto(setting.url);
  const card = (name) => page.locator("#feeds > li").filter({ has: page.getByRole("heading", { name, exact: true }) });
  const pixels = (name) => card(name).locator("canvas").evaluate((c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.reduce((h, v, i) => (h * 31 + v * (i % 7)) | 0, 0));
  await eventually("H.264 is shown", () => card("cam").locator("canvas").isVisible());
  check("in its size", (await card("cam").locator("canvas").evaluate((c) => `${c.width}x${c.height}`)) === "320x240");
  for (let moves = 0, before = await pixels("cam"); moves < 3; moves++) {
    await eventually("and moves", async () => {
      const now = await pixels("cam");
      const moved = now !== before;
      before = now;
      return moved;
    });
  }
  const orange = card("orange").locator("canvas");
  await orange.evaluate((c) => c.parentElement.scrollIntoView());
  await eventually("with B pictures too, and in its colours", async () => {
    const [r, g, b] = await orange.evaluate((c) => [...c.getContext("2d").getImageData(80, 60, 1, 1).data]);
    return (Math.abs(r - 255) < 12 && Math.abs(g - 165) < 12 && b < 30) || [r, g, b];
  });
  const meter = (name) => card(name).getByRole("meter", { name: `Sound level of ${name}` });
  for (const [name, least, most, words] of setting.levels) {
    await eventually(`the level of ${name} is between ${least} and ${most} dB`, async () => {
      const dB = Number(await meter(name).getAttribute("aria-valuenow"));
      return (await meter(name).isVisible()) && dB >= least && dB <= most && (await card(name).locator(".level .note").textContent()) === words || dB;
    });
  }
  check("a feed without sound has no level", !(await card("cam").locator(".level").isVisible()));
  await page.screenshot({ path: `${setting.artefacts}/senses.png` });
  await page.getByRole("switch", { name: "Pictures", exact: true }).click();
  await eventually("where pictures are off none is asked for", async () => {
    const before = asked;
    await page.waitForTimeout(600);
    return asked === before;
  });
  await page.close();

  // An agent that has time for a picture every 1.5 s.
  const slow = await browser.newPage({ viewport: { width: 1100, height: 4000 } });
  slow.on("pageerror", (error) => faults.push(error.message));
  let free = 0, waits;
  await slow.route("**/preview/*", (route) => {
    const { pathname } = new URL(route.request().url()), rest = free - Date.now();
    if (waits && (waits !== pathname || rest > 0)) faults.push(`${pathname} is asked for, ${rest} ms too early, where it is the turn of ${waits}`);
    waits = rest > 0 ? pathname : undefined;
    if (waits) return route.fulfill({ status: 429, headers: { "Retry-After": "2" }, json: { error: "ask again" } });
    free = Date.now() + 1500;
    return route.continue();
  });
  await slow.goto(setting.url);
  await eventually("pictures of a slow agent have their turns", async () => (await slow.locator("#feeds canvas:visible").count()) === 2);
  await slow.close();
  await eventually("and when nobody looks any more nobody reads", async () => (await ask("readers")) === 0);
  check("nothing went wrong in the page", faults.length === 0, faults);
});
