// A stranger's page, in the tab that has just shown the agent's.
import { ask, check, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage();
  const attack = async (at, frame, target) => {
    const results = await frame.evaluate((to) => window.attack(to), target);
    const read = results.filter(([, bytes]) => bytes > 0);
    check(`${at}: there are attempts`, results.length > 25, results.length);
    return { results, read };
  };

  // An open server shows that the attempts are real ones.
  await page.goto(`${setting.stranger}/hostile.html`);
  const { results } = await attack("open server", page.mainFrame(), setting.open);
  const failed = results.filter(([what, bytes]) => what.startsWith("read") && bytes === 0);
  check("an open server is read by every attempt to", failed.length === 0, failed);
  const changes = await ask("changes");
  const tried = results.filter(([what]) => what.startsWith("change")).length;
  check("and changed by every attempt to", changes >= tried, { changes, tried });

  for (const stranger of [setting.stranger, setting.stranger.replace("127.0.0.1", "localhost")]) {
    for (const target of [setting.url, setting.url.replace("127.0.0.1", "localhost")]) {
      await page.goto(target);
      await page.goto(`${stranger}/hostile.html`);
      const at = `${stranger} to ${target}`;
      const { read } = await attack(at, page.mainFrame(), target);
      check(`${at}: no byte is read`, read.length === 0, read);
    }
  }

  // A frame in a sandbox has the origin null.
  await page.evaluate(() => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts allow-forms allow-popups");
    frame.src = "hostile.html?boxed";
    document.body.append(frame);
    return new Promise((resolve) => { frame.onload = resolve; });
  });
  const boxed = page.frames().find((frame) => frame.url().endsWith("?boxed"));
  const { read } = await attack("sandbox", boxed, setting.url);
  check("sandbox: no byte is read", read.length === 0, read);
});
