// Takes the pictures that the manuals show.
import { eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const shot = async (url, size, name, wait, ready) => {
    const page = await browser.newPage({ viewport: size });
    await page.goto(url.replace("127.0.0.1", "localhost"));
    await eventually(`${name}: all is there`, () => ready(page), 40000);
    await page.waitForTimeout(wait);
    await page.screenshot({ path: `${setting.artefacts}/${name}.png` });
    await page.close();
  };
  // Curves are to have a course.
  await shot(setting.url, { width: 1360, height: 880 }, "page", setting.course, async (page) => {
    const [pictures, lamp] = [await page.locator("canvas:visible").count(), await page.locator("#destinations .lamp").textContent()];
    return (pictures === 3 && lamp === "On air") || `${pictures} pictures, ${lamp}, ${await page.locator("main").innerText()}`;
  });
  await shot(setting.view, { width: 560, height: 520 }, "view", 0, (page) => page.evaluate(() => window.seen.pictures > 25));
});
