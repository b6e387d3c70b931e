// A viewer of the relay's page, who stays while things happen to what it watches.
import { ask, check, eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage({ viewport: { width: 900, height: 760 } });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  const seen = () => page.evaluate(() => ({ ...window.seen, level: window.seen.level, behind: window.seen.behind }));
  const watch = async (what) => {
    const before = (await seen()).pictures;
    await eventually(`${what}: the picture moves`, async () => (await seen()).pictures > before + 25 || (await seen()), 40000);
    if (setting.sound) await eventually(`${what}: the tone is heard`, async () => (await seen()).level > 0.05 || (await seen()), 20000);
  };
  await page.goto(setting.page);
  if (setting.sound) {
    await page.locator("#sound").waitFor({ timeout: 40000 });
    await page.click("#sound");
  }
  await watch(setting.what);
  for (const event of setting.events) {
    await ask(event);
    await watch(event);
  }
  if (!setting.sound) {
    await page.locator("#sound").waitFor({ timeout: 40000 }); // its place is filled
    await page.click("#sound");
    const before = (await seen()).pictures;
    await eventually("the picture goes on", async () => (await seen()).pictures > before + 25 || (await seen()), 20000);
    check("what is muted is silence", (await seen()).level === 0, await seen());
  }
  check("the page has no fault", faults.length === 0, faults);
});
