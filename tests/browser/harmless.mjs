// SPDX-License-Identifier: BSD-2-Clause
// Opens a picture, points at its middle, searches, and counts what it should not do.
//   node harmless.mjs FILE
import { launch, open } from "./browser.mjs";

const browser = await launch();
const page = await open(browser, process.argv[2]);
await page.mouse.move(640, 400);
await page.mouse.click(640, 400);
await page.keyboard.press("/");
await page.keyboard.type("svg onload");
await page.keyboard.press("Enter");
await new Promise((r) => setTimeout(r, 300));
console.log(`dialogs ${page.dialogs} requests ${page.requests.length} problems ${page.problems.length}${page.problems.map((p) => "\n" + p).join("")}`);
await browser.close();
