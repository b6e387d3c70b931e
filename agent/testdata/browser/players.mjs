// Opens players as the test asks for them, each in a window of its own, since a
// browser shows those behind others a picture a second, until it asks for no more.
import { fileURLToPath } from "node:url";
import { ask, check, run } from "./browser.mjs";

await run(async (browser) => {
  const path = fileURLToPath(new URL("measure.js", import.meta.url));
  const windows = new Map();
  for (;;) {
    const { open, close } = (await ask("next")) ?? {};
    if (open) {
      const context = await browser.newContext({ viewport: { width: 400, height: 300 } });
      await context.addInitScript({ path });
      windows.set(open, context);
      await (await context.newPage()).goto(open);
    } else if (close) {
      await windows.get(close).close();
      windows.delete(close);
    } else break;
  }
  check("the players are closed", true);
});
