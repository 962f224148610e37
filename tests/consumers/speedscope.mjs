// SPDX-License-Identifier: BSD-2-Clause
// speedscope itself, in headless Chromium: the table of its sandwich view as lines "self total name", times as it prints them.
//   node speedscope.mjs RELEASE_DIR FILE [ROWS]      it draws only the rows in view: the window is as high as so many need
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(path.resolve(process.env.VARVE_BROWSER_DEPS, "package.json"));
const puppeteer = require("puppeteer-core");
const [release, file] = process.argv.slice(2, 4).map((f) => path.resolve(f)), rows = +(process.argv[4] || 50);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "varve-speedscope-"));
const loader = path.join(dir, "load.js");
fs.writeFileSync(loader, `speedscope.loadFileFromBase64(${JSON.stringify(path.basename(file))}, "${fs.readFileSync(file).toString("base64")}")`);
const browser = await (puppeteer.default || puppeteer).launch({ headless: true, executablePath: "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--disable-background-networking", "--no-first-run"] });
try {
	const page = await browser.newPage();
	await page.setViewport({ width: 1400, height: 600 + rows * 24 });
	await page.goto(`file://${path.join(release, "index.html")}#localProfilePath=${loader}`);
	await page.waitForFunction(() => document.body.innerText.includes("Sandwich"), { timeout: 30000 });
	await page.keyboard.press("3");
	await page.waitForFunction(() => document.body.innerText.includes("Symbol Name"), { timeout: 30000 });
	const text = await page.evaluate(() => document.body.innerText);
	const lines = text.slice(text.indexOf("Symbol Name")).split("\n").slice(1).map((s) => s.trim()).filter(Boolean);
	for (let i = 0; i + 2 < lines.length; i += 3)
		console.log(`${lines[i + 1].split(" ")[0]} ${lines[i].split(" ")[0]} ${lines[i + 2]}`);
} finally {
	await browser.close();
	fs.rmSync(dir, { recursive: true });
}
