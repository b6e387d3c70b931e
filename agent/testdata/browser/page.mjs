// A person at the page: what they do, and what they see.
import { ask, check, eventually, run, setting } from "./browser.mjs";

await run(async (browser) => {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  const refused = /^Failed to load resource/; // the browser's word for an answer of 400
  page.on("console", (line) => line.type() === "error" && !refused.test(line.text()) && faults.push(line.text()));
  const asked = { now: 0, most: 0, times: [] };
  const picture = (request) => request.url().includes("/preview/");
  page.on("request", (request) => {
    if (!picture(request)) return;
    asked.times.push(Date.now());
    asked.most = Math.max(asked.most, ++asked.now);
  });
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => picture(request) && asked.now--);
  await page.goto(setting.url);

  const card = (list, name) => page.locator(`#${list} > li`).filter({ has: page.getByRole("heading", { name, exact: true }) });
  const lamp = (list, name) => card(list, name).locator(".lamp").textContent();
  const lit = (list, name, words) => eventually(`${list}: ${name} is ${words}`, async () => (await lamp(list, name)) === words || lamp(list, name));
  const status = () => ask("status");
  const pixels = (canvas) => canvas.evaluate((c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.reduce((h, v, i) => (h * 31 + v * (i % 7)) | 0, 0));
  const moves = (list) => eventually(`${list}: the picture moves`, async () => {
    const canvas = card(list, list === "feeds" ? "cam" : "front").locator("canvas");
    if (!(await canvas.isVisible())) return "there is no picture";
    const before = await pixels(canvas);
    for (let i = 0; i < 20; i++) if ((await pixels(canvas)) !== before) return true;
    return "it stands still";
  });

  // Nothing is there yet: how to begin.
  await eventually("where no feed is, there is the line to make one", async () =>
    (await page.locator("#lines pre").isVisible()) && (await page.locator("#lines pre").textContent()).endsWith(`${setting.url}/ts/test`));
  await ask("source");
  await moves("feeds");
  check("a play list leads a player to the feed", decodeURIComponent(await page.getByRole("link", { name: "Open live in VLC: cam" }).getAttribute("href")).includes(`${setting.url}/ts/cam`));
  check("its address can be read", (await card("feeds", "cam").locator(".watch code").textContent()) === `${setting.url}/ts/cam`);

  // A stream.
  await page.getByRole("button", { name: "Add a stream" }).click();
  await page.getByLabel("Name").fill("front/");
  await page.getByRole("checkbox", { name: "cam", exact: true }).check();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await eventually("a bad name is refused beside its field", async () =>
    (await page.locator('#stream-form [data-field="stream"] .error').textContent()).includes("empty segment") || "no words");
  await page.getByLabel("Name").fill("front");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await lit("streams", "front", "Not sent");
  await moves("streams");

  // A destination.
  await page.getByRole("button", { name: "Send to a relay: stream front" }).click();
  const url = page.getByLabel("To the relay at");
  await url.fill("ws://relay.example/in/front");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const words = page.locator('#destination-form [data-field="destination"] .error');
  await eventually("the agent's words stand beside the field", async () => (await words.textContent()).includes("VW_ALLOW_PLAINTEXT") || words.textContent());
  check("the field says so to whoever does not see it", (await url.getAttribute("aria-invalid")) === "true" &&
    (await url.getAttribute("aria-describedby")) === (await words.getAttribute("id")) && (await url.evaluate((e) => e === document.activeElement)));
  check("a refused rule changes nothing", Object.keys((await status()).destinations).length === 0);
  await url.fill(`${setting.relay}/in/front`);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await lit("destinations", "0", "On air");
  await lit("feeds", "cam", "On air");
  await ask("arrives");

  // The mute.
  const mute = page.getByRole("switch", { name: "Mute cam", exact: true });
  await mute.click();
  await lit("feeds", "cam", "Muted");
  await lit("destinations", "0", "Muted");
  await ask("silent");
  await eventually("a mute is said aloud", async () => /feed cam: muted/.test(await page.locator("#changes").textContent()) || page.locator("#changes").textContent());
  await mute.click();
  await lit("feeds", "cam", "On air");
  await ask("arrives");

  // A relay that breaks.
  await ask("break");
  await lit("destinations", "0", "Not on air");
  await eventually("it says why in words, and in the relay's", async () => {
    const text = await card("destinations", "0").textContent();
    return (text.includes("the relay has trouble of its own") && text.includes("HTTP 503")) || text;
  });
  await eventually("what is wrong stands at the top with a count", async () => {
    const text = await page.locator("#wrong").innerText();
    return (text.includes("1 thing is wrong") && text.includes("Destination 0") && text.includes("HTTP 503")) || text;
  });
  await page.locator("#wrong").getByRole("link", { name: "Destination 0" }).click();
  check("and leads to its card", await card("destinations", "0").evaluate((e) => e.getBoundingClientRect().top < innerHeight));
  await ask("mend");
  await lit("destinations", "0", "On air");
  await eventually("and goes when it is mended", async () => !(await page.locator("#wrong").isVisible()) && !(await page.locator("#wrong-count").isVisible()));

  // A name that exists.
  await page.getByRole("button", { name: "Add a destination" }).click();
  await page.getByLabel("What to call it").fill("0");
  await url.fill(`${setting.relay}/in/twin`);
  await page.getByLabel("What is sent").fill("cam");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await eventually("adding one that exists asks first", async () =>
    (await page.locator('#destination-form [data-field="id"] .error').textContent()).includes("There is a destination 0") || "it does not");
  check("and nothing has changed", (await status()).destinations["0"].destination.endsWith("/in/front"));
  await page.getByLabel("What to call it").fill("twin");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await lit("destinations", "twin", "On air");
  await page.getByRole("button", { name: "Delete destination twin" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Add a destination" }).click();
  await page.getByLabel("What to call it").fill("tape");
  await page.getByLabel("What is sent").fill("cam");
  await page.getByText("Token and recording").click();
  await page.getByLabel("Record to the file").fill("tape.ts");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await lit("destinations", "tape", "Recording");
  check("a recording needs no relay", /cam to a file.*recording to tape.ts/.test(await card("destinations", "tape").textContent()), await card("destinations", "tape").textContent());
  await page.getByRole("button", { name: "Delete destination tape" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Add a stream" }).click();
  await page.getByLabel("Name").fill("front");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await eventually("and so does a stream", async () =>
    (await page.locator('#stream-form [data-field="stream"] .error').textContent()).includes("There is a stream front") || "it does not");
  check("whose feeds are as they were", (await status()).streams.front.feeds.join() === "cam");
  await page.keyboard.press("Escape");

  // Change, and delete.
  await page.getByRole("button", { name: "Change stream front" }).click();
  await page.getByRole("checkbox", { name: "cam", exact: true }).uncheck();
  await page.getByRole("checkbox", { name: "cam, its audio only" }).check();
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await eventually("the stream is changed", async () => {
    const { feeds } = (await status()).streams.front;
    return feeds.join() === "cam:audio" || feeds;
  });
  await page.getByRole("button", { name: "Change destination 0" }).click();
  await url.fill(`${setting.relay}/in/elsewhere`);
  await page.getByLabel("What is sent").fill("cam");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await eventually("the destination is changed", async () => {
    const { stream, destination } = (await status()).destinations["0"];
    return (stream === "cam" && destination.endsWith("/in/elsewhere")) || destination;
  });
  await page.getByRole("button", { name: "Delete destination 0" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await eventually("the destination is deleted", async () => Object.keys((await status()).destinations).length === 0 || "it is there");
  await eventually("and gone from the page", async () => (await card("destinations", "0").count()) === 0);
  await page.getByRole("button", { name: "Delete stream front" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await eventually("and the stream", async () => !(await status()).streams.front || "it is there");

  await keyboard(page, status);

  // The pictures can be stopped, and the agent can go.
  await page.getByRole("switch", { name: "Pictures" }).click();
  await eventually("pictures can be switched off", async () => (await page.locator("canvas:visible").count()) === 0);
  const { times, most } = asked;
  check("pictures are asked for one at a time", most === 1, most);
  check("and five times a second at most", times.length > 10 && times.length / ((times.at(-1) - times[0]) / 1000) < 5.5, times.length);
  check("the page has no fault", faults.length === 0, faults);
  await ask("stop");
  await eventually("it is said that the agent has gone", () => page.locator("#gone").isVisible());
  check("and nothing is said to be on air", !/on air/i.test((await page.locator(".lamp").allTextContents()).join()), await page.locator(".lamp").allTextContents());
  await ask("start");
  await eventually("the page goes on with the agent", async () => !(await page.locator("#gone").isVisible()));
});

// keyboard does without a mouse what matters most.
async function keyboard(page, status) {
  const here = () => page.evaluate(() => {
    const e = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    if (e === document.body) return { name: "the browser", seen: true };
    return { name: e.getAttribute("aria-label") ?? e.textContent.trim(), seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
  });
  const unseen = [];
  const tabTo = async (name) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const at = await here();
      if (!at.seen) unseen.push(at.name);
      if (at.name === name) return check(`Tab comes to ${name}`, true);
    }
    return check(`Tab comes to ${name}`, false, await here());
  };
  await page.evaluate(() => document.activeElement.blur());
  await tabTo("Mute everything");
  await page.keyboard.press("Space");
  await eventually("Space mutes everything", async () => (await status()).mutes.join() === "*");
  await page.keyboard.press("Space");
  await eventually("and unmutes it", async () => (await status()).mutes.length === 0);
  await tabTo("Lock the rules");
  await page.keyboard.press("Enter");
  await eventually("Enter locks the rules", async () => (await status()).locked);
  await page.locator("#mute-all").click();
  await eventually("what is muted with everything shows so", async () =>
    (await page.getByRole("switch", { name: "Mute cam", exact: true }).getAttribute("aria-checked")) === "true" || "it does not");
  await page.locator("#mute-all").click();
  await eventually("and no more when that ends", async () =>
    (await page.getByRole("switch", { name: "Mute cam", exact: true }).getAttribute("aria-checked")) === "false" || "it does");
  await page.locator("#lock").focus();
  await tabTo("Mute cam");
  await page.keyboard.press("Space");
  await eventually("Space mutes a feed", async () => (await status()).mutes.join() === "cam");
  await tabTo("Add a destination");
  await page.keyboard.press("Enter");
  await page.keyboard.type(`${setting.relay}/in/keys`);
  await page.keyboard.press("Enter");
  await eventually("Enter adds a destination", async () => (await status()).destinations["0"]?.stream === "cam" || (await status()).destinations);
  await eventually("the focus is where it was", async () => (await here()).name === "Add a destination" || here());
  await page.keyboard.press("Enter");
  await eventually("a form opens", () => page.locator("#destination-form").isVisible());
  await page.keyboard.press("Escape");
  await eventually("Escape closes a form", async () => !(await page.locator("#destination-form").isVisible()));
  check("the focus can always be seen", unseen.length === 0, unseen);
}
