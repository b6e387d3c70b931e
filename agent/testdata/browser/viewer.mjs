// A viewer: the real jsmpeg player, at the relay's end.
import { ask, check, eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(`${setting.viewer}/viewer.html?from=${encodeURIComponent(setting.from)}`);
  const seen = () => page.evaluate(() => window.seen);
  const goesOn = async (what, part) => {
    const before = await seen();
    await eventually(what, async () => (await seen())[part] > before[part] + 3 || seen());
  };
  await goesOn("the picture moves", "pictures");
  await goesOn("the tone is heard", "sound");
  await page.evaluate(() => { seen.freeze = 0; });
  await page.evaluate(() => { window.same = true; });
  for (let i = 1; i <= 10; i++) {
    await ask("swap", String(i));
    await goesOn(`swap ${i}: the picture goes on`, "pictures");
    await ask("mute");
    await goesOn(`mute ${i}: the picture goes on`, "pictures");
    const quiet = await seen();
    await goesOn(`mute ${i}: and on`, "pictures");
    check(`mute ${i}: the tone is not heard`, (await seen()).sound <= quiet.sound + 1, [quiet, await seen()]);
    await ask("unmute");
    await goesOn(`unmute ${i}: the tone is back`, "sound");
  }
  const { freeze, links } = await seen();
  check(`the picture never stood still for 1 s, at most ${Math.round(freeze)} ms`, freeze > 0 && freeze < 1000, freeze);
  check("the viewer was never reloaded nor linked anew", links === 1 && (await page.evaluate(() => window.same)), links);
  check("the player has no fault", faults.length === 0, faults);
});
