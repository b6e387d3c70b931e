// The owner at the page: mutes by the clock and by a file, and the token.
import { ask, eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1024, height: 900 } });
  await page.goto(setting.url);
  const shown = (id, words) => eventually(`#${id} says: ${words}`, async () => {
    const text = await page.locator(`#${id}`).textContent();
    return text.includes(words) || text;
  });
  const status = () => ask("status");
  const mute = page.getByRole("switch", { name: "Mute mic", exact: true });
  await shown("feeds", "Muted 00:00-24:00; to unmute ends that.");
  await shown("feeds", `Will be muted ${setting.later}; vw unmute door ends that.`);
  await shown("channel", `it is sought at ${setting.api} (VW_API) too`);
  await shown("word", "Everything is muted");
  await page.screenshot({ path: `${setting.artefacts}/owner-muted.png`, fullPage: true });
  await ask("away");
  await eventually("that ends with the file", async () => !(await page.locator("#word").isVisible()));

  await mute.click();
  await shown("said", "the owner's token");
  await eventually("without the token nothing is unmuted", async () => (await status()).mutes.join() === "mic");
  await page.screenshot({ path: `${setting.artefacts}/owner-token.png`, fullPage: true });
  await page.getByLabel("Owner’s token").fill(setting.token);
  await mute.click();
  await eventually("with it it is, and the schedule ends", async () => {
    const { mutes, owner } = await status();
    return mutes.length === 0 && owner.schedule.length === 1 || mutes;
  });
  await page.getByRole("switch", { name: "Mute everything" }).click();
  await eventually("a mute is made", async () => (await status()).mutes.join() === "*");
});
