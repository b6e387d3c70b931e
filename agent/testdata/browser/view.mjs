// The relay's page of a topic, as a person uses it.
import { ask, check, eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage({ viewport: { width: 900, height: 760 } });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => { if (message.type() === "error" && !/ERR_CONNECTION|ERR_SOCKET|WebSocket|401|Failed to load/.test(message.text())) faults.push(message.text()); });
  const seen = () => page.evaluate(() => ({ ...window.seen, level: window.seen.level, behind: window.seen.behind }));
  const message = () => page.locator("#message").evaluate((m) => (m.hidden ? "" : m.textContent));
  const moves = async (what) => {
    const before = (await seen()).pictures;
    await eventually(what, async () => (await seen()).pictures > before + 10 || (await seen()));
  };
  const colours = () => page.evaluate(() => {
    const canvas = document.querySelector("canvas"), copy = document.createElement("canvas");
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return new Set(new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size;
  });

  await page.goto(`${setting.relay}/view/lab/front`);
  await eventually("without a token it says so", async () => /token/.test(await page.locator("body").textContent()));
  await page.goto(`${setting.relay}/view/lab/front?token=${setting.token}`);
  await eventually("a topic without a source says so", async () => /Nothing comes in/.test(await message()) || message());
  await ask("source", setting.first);
  await moves("the picture moves");
  check("the picture has colours", (await colours()) > 100, await colours());
  check("there is no sound before a click", (await seen()).level === 0);
  await page.click("#sound");
  await eventually("the tone is heard after a click", async () => (await seen()).level > 0.05 || (await seen()));
  await eventually("it shows the delay behind live, which is short", async () => parseFloat(await page.locator("#behind").textContent()) < 1.5 || page.locator("#behind").textContent());
  await page.screenshot({ path: setting.shots + "/playing.png" });

  await ask("pause");
  await eventually("a stream that pauses says so", async () => /Nothing comes in/.test(await message()) || message());
  await page.screenshot({ path: setting.shots + "/paused.png" });
  await ask("resume");
  await moves("it goes on after a pause");
  await eventually("with sound", async () => (await seen()).level > 0.05 || (await seen()));

  await ask("close");
  await eventually("a relay that is away is told", async () => /relay/.test(await message()) || message());
  await ask("reopen");
  await eventually("a new link is there when it is back, on the same page", async () => (await seen()).links === 2 || (await seen()));
  await moves("it goes on after the relay's restart");

  for (const next of setting.others) {
    await ask("source", next);
    await eventually(`${next}: the picture has its size`, async () => (await page.locator("#size").textContent()) === setting.sizes[next] || page.locator("#size").textContent());
    await moves(`${next}: the picture moves`);
    check(`${next}: it has colours`, (await colours()) > 100, await colours());
    await eventually(`${next}: the tone is heard`, async () => (await seen()).level > 0.05 || (await seen()));
    await page.screenshot({ path: `${setting.shots}/${next}.png` });
  }
  await ask("source", "sound");
  await eventually("sound alone is heard, and that no picture comes is told", async () => (/No new picture/.test(await message()) && (await seen()).level > 0.05) || message());
  await ask("source", "mpeg2");
  await eventually("what no browser plays is told with the way out", async () => /MPEG-2.*mpeg1video or H.264/.test(await message()) || message());
  await ask("token", "");
  await eventually("a token that was taken back is told", async () => /token/.test(await message()) || message());
  check("the page has no fault", faults.length === 0, faults);
});
