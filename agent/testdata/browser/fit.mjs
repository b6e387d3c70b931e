// Whether the page fits its size, its readers and their fingers.
import axe from "axe-core";
import { check } from "./browser.mjs";

export async function fits(page, at) {
  check(`${at}: nothing sticks out at the side`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await accessible(page, at);
  await touchable(page, at);
}

// accessible asks axe-core.
async function accessible(page, at) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  check(`${at}: axe-core finds no serious fault`, bad.length === 0, bad.map((v) => [v.id, v.nodes.map((n) => n.html)]));
}

// touchable looks whether what is pressed is large enough for a finger.
async function touchable(page, at) {
  const small = await page.evaluate(() => [...document.querySelectorAll("button, a, input:not([type=checkbox]), select, summary, label.choice")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5)
    .map((e) => `${e.getAttribute("aria-label") ?? e.textContent.trim()}: ${e.getBoundingClientRect().height}`));
  check(`${at}: what is pressed is 44 px high`, small.length === 0, small);
}
