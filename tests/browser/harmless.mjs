// SPDX-License-Identifier: BSD-2-Clause
// Opens pictures, points at the middle of each, searches, and counts what it should not do: a line for each.
//   node harmless.mjs FILE…
import { launch, open } from "./browser.mjs";

const browser = await launch();
for (const file of process.argv.slice(2)) {
	const page = await open(browser, file);
	await page.mouse.move(640, 400);
	await page.mouse.click(640, 400);
	await page.keyboard.press("/");
	await page.keyboard.type("svg onload");
	await page.keyboard.press("Enter");
	await new Promise((r) => setTimeout(r, 300));
	console.log(`${file} dialogs ${page.dialogs} requests ${page.requests.length} problems ${[page.problems.length, ...page.problems].join(" ")}`);
	await page.close();
}
await browser.close();
