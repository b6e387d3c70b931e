// What the tests' scripts share: a browser, and their way of telling.
import { chromium } from "playwright-core";
import { createInterface } from "node:readline";

// setting is what the Go side has set for this script.
export const setting = JSON.parse(process.env.BROWSER_TEST);

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

// check tells that something is so, or is not.
export function check(what, ok, found) {
  say(ok ? { held: what } : { failed: what, found });
  return ok;
}

// ask has the Go side do something, and waits until it is done.
export async function ask(what, value) {
  say({ ask: what, value });
  const { value: line } = await answers.next();
  return JSON.parse(line);
}

// eventually waits until a function's result is true, and tells.
export async function eventually(what, ok, within = 15000) {
  const late = Date.now() + within;
  let found;
  do {
    try {
      found = await ok();
    } catch (error) {
      found = String(error);
    }
    if (found === true) return check(what, true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (Date.now() < late);
  return check(what, false, found);
}

// run opens a browser with a profile of its own, and closes it whatever happens.
export async function run(test) {
  const browser = await chromium.launch({
    executablePath: setting.chromium,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
  });
  try {
    await test(browser);
    say({ done: true });
  } catch (error) {
    check("the script runs to its end", false, String(error.stack ?? error));
  } finally {
    await browser.close();
    process.exit();
  }
}
