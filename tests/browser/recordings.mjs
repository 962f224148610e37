// SPDX-License-Identifier: BSD-2-Clause
// A page of two recordings: prints the time in all, and after choosing the first recording.
//   node recordings.mjs PAGE SCREENSHOT
import { launch, open } from "./browser.mjs";

const browser = await launch();
const page = await open(browser, process.argv[2]);
const total = () => page.evaluate(() => varve.view().total[0]);
const all = await total();
await page.select("#recording", "1");
console.log(`${all} ${await total()}${page.problems.length ? " " + page.problems : ""}`);
await page.screenshot({ path: process.argv[3] });
await browser.close();
