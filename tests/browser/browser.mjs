// SPDX-License-Identifier: BSD-2-Clause
// A headless Chromium for the tests, and TAP.
import path from "node:path";
import { createRequire } from "node:module";
import fs from "node:fs";

const require = createRequire(path.resolve(process.env.VARVE_BROWSER_DEPS, "package.json"));
const puppeteer = require("puppeteer-core");

export async function launch() {
	const launchOptions = { headless: true, executablePath: fs.existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : "/usr/bin/chromium-browser",
		args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync"] };
	return (puppeteer.default || puppeteer).launch(launchOptions);
}

// A page that keeps what went wrong in it, and every request that was no file or data.
export async function open(browser, file, width = 1280, height = 760) {
	const page = await browser.newPage();
	page.problems = [];
	page.requests = [];
	page.dialogs = 0;
	page.on("pageerror", (e) => page.problems.push(String(e)));
	page.on("console", (m) => { if (m.type() === "error") page.problems.push(m.text()); });
	page.on("request", (r) => { if (r.url() !== "file://" + file) page.requests.push(r.url()); });
	page.on("dialog", async (d) => { page.dialogs++; await d.dismiss(); });
	await page.setViewport({ width, height });
	await page.goto("file://" + file);
	return page;
}

let n = 0, bad = 0;

export function ok(claim, good, found) {
	n++;
	if (!good) {
		bad++;
		console.log("# found: " + (typeof found === "string" ? found : JSON.stringify(found)));
	}
	console.log((good ? "ok " : "not ok ") + n + " - " + claim);
}

export function is(claim, got, want) {
	ok(claim, JSON.stringify(got) === JSON.stringify(want), got);
}

export function near(claim, got, want, tolerance) {
	ok(`${claim} (${got} against ${want})`, Math.abs(got - want) <= tolerance, got);
}

export function done() {
	console.log("1.." + n);
	return bad ? 1 : 0;
}
