// The page of an agent with every kind of trouble, in every size and light.
import { check, eventually, run, setting } from "./browser.mjs";
import { fits } from "./fit.mjs";

const sizes = [[360, 800], [1024, 768], [1600, 900]];

await run(async (browser) => {
  const page = await browser.newPage();
  await page.addInitScript(() => {
    const Real = window.EventSource;
    window.EventSource = class extends Real {
      constructor(url) {
        super(url);
        this.addEventListener("message", (event) => { window.newest = event.data; });
      }
    };
    window.owned = 0;
  });
  await page.goto(setting.url);
  const lamps = (words) => eventually(`the page shows: ${words}`, async () =>
    (await page.locator(".card .lamp").allTextContents()).sort().join() === words || page.locator(".card .lamp").allTextContents());
  await lamps(setting.lamps);
  await eventually("it shows a picture", async () => (await page.locator("canvas:visible").count()) >= 1);
  await page.getByRole("heading", { name: "modern", exact: true }).scrollIntoViewIfNeeded();
  await eventually("where there can be no picture it says why", async () => (await page.locator(".screen").allTextContents()).some((words) => words.includes("VLC")));
  await strangers(page);
  await figures(page);
  for (const [width, height] of sizes) {
    for (const colorScheme of ["light", "dark"]) {
      const at = `${width}x${height} ${colorScheme}`;
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => scrollTo(0, 0));
      await fits(page, at);
      await eventually(`${at}: the pictures that are in sight are there`, async () => (await page.locator("canvas:visible").count()) >= 1);
      await page.screenshot({ path: `${setting.artefacts}/page-${width}x${height}-${colorScheme}.png` });
      await page.screenshot({ path: `${setting.artefacts}/page-${width}-whole-${colorScheme}.png`, fullPage: true });
    }
  }
  await forms(page);
});

// forms looks at the dialogs too, narrow and dark, which is hardest.
async function forms(page) {
  for (const [button, form] of [["Add a stream", "stream"], ["Change destination secret", "destination"], ["Delete destination secret", "confirm"]]) {
    for (const [width, height] of [[360, 800], [1024, 768]]) {
      await page.setViewportSize({ width, height });
      await page.getByRole("button", { name: button }).click();
      await eventually(`${form}: it opens`, () => page.locator("dialog[open]").isVisible());
      if (form === "stream") {
        await page.getByRole("button", { name: "Add", exact: true }).click();
        await eventually("stream: the fault is shown", () => page.locator("dialog .error").first().isVisible());
      }
      await fits(page, `${form} ${width}`);
      await page.screenshot({ path: `${setting.artefacts}/form-${form}-${width}.png` });
      await page.keyboard.press("Escape");
      await eventually(`${form}: it closes`, async () => (await page.locator("dialog[open]").count()) === 0);
    }
  }
}

// strangers have put HTML wherever they could.
async function strangers(page) {
  await eventually("what strangers wrote is there to read", async () => {
    const text = await page.locator("body").innerText();
    const missing = setting.hostile.filter((words) => !text.includes(words));
    return missing.length === 0 || missing;
  });
  const made = await page.evaluate(() => [document.querySelectorAll("img, script:not([type=module]), b[id], iframe").length, window.owned]);
  check("none of it is HTML", made.join() === "0,0", made);
}

// figures compares every figure on the page with the status that it was made
// of, and looks for others.
async function figures(page) {
  const { shown, loose, derived, count } = await page.evaluate(() => {
    const status = JSON.parse(window.newest);
    const now = Date.parse(status.started) + status.uptime * 1000;
    const worth = { "bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6, bytes: 1, kB: 1e3, MB: 1e6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };
    const figures = [...document.querySelectorAll("[data-stat]")];
    const shown = figures.filter((figure) => {
      const keys = figure.dataset.stat.split(" ");
      const last = keys.at(-1);
      let value = keys.reduce((part, key) => part?.[key], status);
      if (typeof value === "string") value = Math.abs(now - Date.parse(value)) / 1000;
      if (last === "ageMs") value /= 1000;
      const pairs = [...figure.textContent.matchAll(/([\d.]+) ?([a-zA-Z/]*)/g)];
      const total = pairs.reduce((sum, [, number, unit]) => sum + number * (worth[unit] ?? 1), 0);
      const unit = worth[pairs.at(-1)[2]] ?? 1;
      const timely = /^(since|retryAt|lastErrorAt|uptime)$/.test(last);
      return !(Math.abs(total - value) <= (timely ? unit + 0.001 : Math.max(0.5 * (unit > 1 ? 0.01 * total : 1), total / 180)));
    }).map((figure) => [figure.dataset.stat, figure.textContent]);
    const derived = [...document.querySelectorAll(".card")].filter(({ id, dataset }) => {
      const [, kind, name] = id.split(":");
      const told = status[`${kind}s`][name]?.condition;
      return told && told !== dataset.state;
    }).map(({ id, dataset }) => [id, dataset.state]);
    if (document.querySelectorAll("#wrong li").length !== status.problems.length) derived.push("the list of what is wrong");
    const words = [];
    JSON.stringify(status, (key, value) => {
      words.push(key);
      if (typeof value === "string") words.push(value);
      return value;
    });
    words.sort((a, b) => b.length - a.length);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const loose = [];
    while (walker.nextNode()) {
      const { parentElement: parent, textContent } = walker.currentNode;
      if (parent.closest("[data-stat], code, time, .codecs, .screen, script, noscript, dialog")) continue;
      const rest = words.reduce((text, word) => (word ? text.replaceAll(word, "") : text), textContent);
      if (/\d/.test(rest)) loose.push(textContent);
    }
    return { shown, loose, derived, count: figures.length };
  });
  check("the page has figures", count > 10, count);
  check("every figure is the one in the status", shown.length === 0, shown);
  check("every condition is the one in the status", derived.length === 0, derived);
  check("there are no others", loose.length === 0, loose);
}
