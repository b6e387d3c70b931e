// Whoever brings in a camera at the page.
import { ask, check, eventually, run, setting } from "./browser.mjs";
import { fits } from "./fit.mjs";

await run(async (browser) => {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(setting.url);
  const device = (name) => page.locator("#devices li").filter({ hasText: name });
  await eventually("where no feed is, the devices of this machine are listed", () => device(setting.name).isVisible());
  const { cameras, microphones } = await (await fetch(`${setting.url}/api/devices`)).json();
  const made = await page.evaluate(() => [document.querySelectorAll("#devices :is(img, script)").length, window.owned]);
  check("what a device calls itself is no HTML", made[0] === 0 && made[1] === undefined, made);
  for (const { name, feed, line } of [...cameras, ...microphones]) {
    await device(name).getByRole("button", { name: "Show the line" }).click();
    const shown = await device(name).locator("pre").allTextContents();
    check(`${feed}: the button shows ffmpeg's line`, shown[0] === line && line.endsWith(`${setting.url}/ts/${feed}`), shown);
    check(`${feed}: and the unit that keeps it`, shown[1] ===
      `sudo vw devices --install ${feed} --port ${new URL(setting.url).port}\nsudo systemctl enable --now vw-source@${feed}`, shown);
  }
  for (const [width, height] of [[360, 800], [1024, 768]]) {
    await page.setViewportSize({ width, height });
    await fits(page, `devices ${width}`);
    await page.screenshot({ path: `${setting.artefacts}/devices-${width}.png`, fullPage: true });
  }
  const again = page.getByRole("button", { name: "Look again" });
  await ask("keep");
  await again.click();
  await eventually("a device that a unit feeds has no line", async () =>
    (await device(setting.name).textContent()).includes("The unit vw-source@front feeds it.") && !(await device(setting.name).getByRole("button").count()));
  await ask("unplug");
  await again.click();
  await eventually("where there is no device that is said, with what to do", async () => {
    const text = await page.locator("#devices").innerText();
    return (text.includes("No camera: plug one in") && text.includes("No microphone: plug one in")) || text;
  });
  check("the page has no fault", faults.length === 0, faults);
});
