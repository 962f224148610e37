// SPDX-License-Identifier: BSD-2-Clause
// A picture of a page as it opens.
//   node screenshot.mjs PAGE OUT.png WIDTH HEIGHT
import path from "node:path";
import { launch, open } from "./browser.mjs";

const [file, out, width, height] = process.argv.slice(2);
const browser = await launch();
const page = await open(browser, path.resolve(file), +width, +height);
await page.screenshot({ path: out });
await browser.close();
