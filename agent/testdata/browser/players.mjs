// Opens players as the test asks for them, until it asks for no more: all in one
// window, since a browser shows those behind others a picture a second.
import { fileURLToPath } from "node:url";
import { ask, check, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1400, height: 300 } });
  await page.addInitScript({ path: fileURLToPath(new URL("measure.js", import.meta.url)) });
  await page.goto(setting.pages);
  for (;;) {
    const { open, close } = (await ask("next")) ?? {};
    if (open) {
      await page.evaluate((src) => {
        document.body.append(Object.assign(document.createElement("iframe"), { src, width: 330, height: 260, allow: "autoplay" }));
      }, open);
    } else if (close) {
      await page.evaluate((src) => [...document.querySelectorAll("iframe")].find((frame) => frame.src === src).remove(), close);
    } else break;
  }
  check("the players are closed", true);
});
