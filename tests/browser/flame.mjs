// SPDX-License-Identifier: BSD-2-Clause
// Flame graphs as people use them, in a real browser: made of tests/consumers/fixture.sql, whose numbers are known.
//   node flame.mjs DIR (with page.html, chart.html, diff.html, on.svg, many.html, many.svg; screenshots go to DIR/shots)
import path from "node:path";
import fs from "node:fs";
import { launch, open, ok, is, near, done } from "./browser.mjs";

const dir = path.resolve(process.argv[2]), shots = path.join(dir, "shots");
fs.mkdirSync(shots, { recursive: true });
const browser = await launch();
const shot = (page, name) => page.screenshot({ path: path.join(shots, name + ".png") });
const MS = 1e6;

// ---- the page ----------------------------------------------------------------------------------------------------

// Where a box of the flame graph is on the screen; it is drawn on a canvas, so the page's own layout must tell.
const box = (page, name, nth = 0) => page.evaluate((wanted, k) => {
	const view = varve.view(), canvas = varve.canvas.getBoundingClientRect();
	const all = varve.layout.rows.flatMap((row) => row.filter((b) => !b.small && view.names[b.frame] === wanted));
	const b = all[k];
	return b && { x: canvas.left + b.x + b.w / 2, y: canvas.top + varve.rowY()(b.d) - varve.scroll.scrollTop + 9, w: b.w, total: b.total,
		self: b.self, left: b.x, d: b.d, cnt: all.length };
}, name, nth);
const text = (page, selector) => page.$eval(selector, (e) => e.textContent);
const total = (page) => page.evaluate(() => varve.view().total[0]);
const settle = (page) => page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));

async function search(page, what) {
	await page.keyboard.press("/");
	await page.keyboard.type(what);
	await page.keyboard.press("Enter");
	return text(page, "#matched");
}

async function testPage() {
	const page = await open(browser, path.join(dir, "page.html"));
	is("a page has a tab for each kind of event", await page.$$eval("nav button", (b) => b.map((x) => x.textContent)),
		["On-CPU", "Off-CPU", "Off-wake", "Wakers", "Run queue", "OOM"]);
	is("it opens on-CPU, with all the samples and the lost ones", await total(page), 1100 * MS);
	await shot(page, "page-on-cpu");
	const main = await box(page, "main", 0), all = await box(page, "all");
	near("a frame is as wide as its share", main.w / all.w, 750 / 1100, 0.001);
	is("the lost samples are a frame", (await box(page, "[lost samples: ring full]")).total, 50 * MS);
	ok("and the page says so", (await text(page, "#note")).includes("5 sample (ring full)"), await text(page, "#note"));
	ok("a hostile name is text", (await box(page, "evil;\"></script><b>&\\x1b[31m")).total === 40 * MS);

	// hover and zoom
	await page.mouse.move(main.x, main.y);
	await settle(page);
	const tip = await text(page, "#tip");
	ok("hovering tells function, module, time and share", /^main {2}\[\/usr\/bin\/app\]\n750\.00 ms, 68\.18% of all, 75 samples$/.test(tip), tip);
	is("the status line tells the same", await text(page, "#status"), tip);
	const handle = await box(page, "handle(std::vector<int, std::allocator<int> > const&)", 1);
	await page.mouse.click(handle.x, handle.y);
	await settle(page);
	near("a click zooms to the frame", (await box(page, "handle(std::vector<int, std::allocator<int> > const&)")).w, all.w, 0.5);
	is("those beside it are gone", await box(page, "evil;\"></script><b>&\\x1b[31m"), undefined);
	await shot(page, "page-zoom");
	await page.keyboard.press("Backspace");
	await settle(page);
	is("backspace goes one frame out", await page.evaluate(() => varve.view().names[varve.view().frame[varve.zoom]]), "main");
	await page.click("#reset");
	near("the button resets the zoom", (await box(page, "main", 0)).w, main.w, 0.01);

	// search
	is("search finds by name and counts each stack once", await search(page, "recv"), "Matched: 45.45%");
	await shot(page, "page-search");
	await page.keyboard.press("Escape");
	is("escape clears it", await text(page, "#matched"), "");
	is("search is a regular expression", await search(page, "^gc$|strlen"), "Matched: 18.18%");
	await page.keyboard.press("Escape");
	is("a broken expression is looked for as it stands", await search(page, "const&)"), "Matched: 90.91%");
	await page.keyboard.press("Escape");
	is("capitals mean capitals", await search(page, "MAIN"), "Matched: 0.00%");
	await page.keyboard.press("Escape");

	// callers, icicle, count
	await page.keyboard.press("r");
	is("callers: the leaf stands first, with its self time", (await box(page, "parse:json")).total, 300 * MS);
	is("callers: and what called it above", (await box(page, "__x64_sys_recvfrom")).d, 1);
	await shot(page, "page-callers");
	await page.keyboard.press("r");
	const before = await box(page, "main");
	await page.keyboard.press("i");
	await settle(page);
	const after = await box(page, "main");
	ok("icicle: roots at the top", after.y < (await box(page, "gc")).y && before.y > (await box(page, "gc")).y - 1000, after);
	await page.keyboard.press("i");
	await page.keyboard.press("c");
	is("count: widths by samples", await total(page), 110);
	await page.keyboard.press("c");

	// keyboard
	await page.evaluate(() => varve.scroll.focus());
	await page.keyboard.press("ArrowUp");
	await page.keyboard.press("ArrowUp");
	ok("arrow keys walk up from frame to frame", (await text(page, "#status")).startsWith("app\n"), await text(page, "#status"));
	await page.keyboard.press("ArrowUp");
	await page.keyboard.press("Enter");
	near("enter zooms", (await box(page, "main")).w, all.w, 0.5);
	await page.keyboard.press("0");

	// filters
	await page.type("#who", "pool");
	await settle(page);
	is("a thread filter leaves that thread's time", await total(page), 250 * MS);
	await page.$eval("#who", (e) => { e.value = ""; e.dispatchEvent(new Event("input")); });
	await page.select("#thread", "p200 db</script>");
	is("a process filter likewise", await total(page), 50 * MS);
	await page.select("#thread", "");
	await page.select("#cgroup", await page.$$eval("#cgroup option", (o) => o.find((x) => x.textContent === "/docker/0123456789ab").value));
	is("and a cgroup filter", await total(page), 50 * MS);
	await page.select("#cgroup", "");

	// the brush
	const brush = await (await page.$("#brush")).boundingBox();
	await page.mouse.move(brush.x, brush.y + 20);
	await page.mouse.down();
	await page.mouse.move(brush.x + brush.width / 2, brush.y + 20, { steps: 5 });
	await page.mouse.up();
	await settle(page);
	is("the brush keeps what is in its time", await total(page), 1050 * MS); // the first second: 100 samples and the loss
	ok("and says which", (await text(page, "#span")).startsWith("0.00 s – 1.0"), await text(page, "#span"));
	await shot(page, "page-brush");
	await page.keyboard.press("2");
	is("the range holds for the waits too", await total(page), 0);
	ok("an empty picture says that it is", await page.$eval("#empty", (e) => !e.hidden));
	await page.mouse.click(brush.x + 5, brush.y + 20);
	await settle(page);
	is("a click on the brush shows all again", await total(page), 605 * MS);
	await page.mouse.move(brush.x + brush.width * 0.675, brush.y + 20); // 1.35 s
	await page.mouse.down();
	await page.mouse.move(brush.x + brush.width * 0.725, brush.y + 20, { steps: 5 }); // 1.45 s
	await page.mouse.up();
	await settle(page);
	const part = await page.evaluate(() => [varve.time, varve.view().sliceNs]);
	const from = Math.floor(part[0][0] / part[1]) * part[1], to = Math.ceil(part[0][1] / part[1]) * part[1];
	near("a long wait counts with the part inside the range", (await box(page, "db</script>")).total, to - from, 1);
	await page.keyboard.press("Escape");

	// the other tabs
	await page.keyboard.press("3");
	is("off-wake: the waker stands on the stack it woke", (await box(page, "try_to_wake_up")).total, 400 * MS);
	ok("off-wake: above the joint", (await box(page, "try_to_wake_up")).d > (await box(page, "--", 1)).d && (await box(page, "--", 1)).d > (await box(page, "futex_wait")).d);
	await shot(page, "page-off-wake");
	await page.keyboard.press("4");
	is("wakers: the blocked time they ended", (await box(page, "app")).total, 390 * MS);
	await page.keyboard.press("5");
	is("run queue: the runnable time", await total(page), 15 * MS);
	await page.keyboard.press("6");
	is("OOM: counted, not timed", await total(page), 1);
	is("nothing went wrong in the page", page.problems, []);
	is("it asked for nothing", page.requests, []);
	is("no name opened a dialog", page.dialogs, 0);
	await page.close();
}

async function testChart() {
	const page = await open(browser, path.join(dir, "chart.html"));
	const lanes = await page.evaluate(() => varve.chart.shown.map((l) => varve.data.threads[l.thread.number][1]));
	is("the chart has a lane for each thread, the busiest first", lanes, ["app", "pool 1", "db</script>"]);
	await page.evaluate(() => varve.setTime(1.19e9, 1.75e9));
	const at = await page.evaluate(() => {
		const c = varve.canvas.getBoundingClientRect(), o = varve.chart.last;
		return { x: c.left + o.x(1.22e9), y: c.top + varve.chart.shown[1].y + 8 };
	});
	await page.mouse.move(at.x, at.y);
	await settle(page);
	ok("hovering a wait tells how long, where and of whom", /pool 1 \(tid 101.*\nat 1\.2.*: sleeping for 40\.00 ms, of it 1\.00 ms runnable in futex_wait/.test(await text(page, "#tip")),
		await text(page, "#tip"));
	await page.mouse.click(at.x, at.y);
	await settle(page);
	is("a click opens the lane into its stacks", await page.evaluate(() => varve.chart.rows.length), 4);
	is("in time order: ten waits, ten runs of the leaf", await page.evaluate(() => varve.chart.rows[3].length), 10);
	await shot(page, "chart");
	await page.keyboard.press("w");
	const r = await page.evaluate(() => varve.time);
	near("w zooms in", r[1] - r[0], 0.28e9, 1e6);
	is("nothing went wrong in the chart", page.problems, []);
	await page.close();
}

async function testDiff() {
	const page = await open(browser, path.join(dir, "diff.html"));
	const color = (name) => page.evaluate((wanted) => {
		const v = varve.view(), b = varve.layout.rows.flat().find((x) => !x.small && v.names[x.frame] === wanted);
		return V.diffColor(b.total / v.total[0], b.base / v.baseTotal[0], varve.maxDiff);
	}, name);
	const red = (c) => parseInt(c.slice(1, 3), 16) - parseInt(c.slice(5, 7), 16);
	ok("what grew is red", red(await color("strlen")) > 40, await color("strlen"));
	ok("what shrank is blue", red(await color("gc")) < -40, await color("gc"));
	is("what stayed is grey", await color("recv"), "#ebebeb");
	await shot(page, "diff");
	const now = (await box(page, "gc")).w;
	await page.keyboard.press("b");
	ok("widths of before are a key away", (await box(page, "gc")).w > 2 * now);
	is("nothing went wrong in the difference", page.problems, []);
	await page.close();
}

// ---- 100,000 stacks ------------------------------------------------------------------------------------------------

// The machine may be busy with other things: how long a fixed piece of work takes just before and after a measurement, against
// the quickest it was in this run, tells how much. Times are divided by that; the raw time is printed too. A claim of speed holds where one
// of 12 tries is as quick: a machine that stands still now and then makes work slower, never quicker.
let quickest = Infinity;

function spin() {
	const start = performance.now();
	let x = 0;
	for (let i = 0; i < 6e7; i++)
		x += i % 7;
	const ms = performance.now() - start + x * 0;
	quickest = Math.min(quickest, ms);
	return ms;
}

async function best(limit, work) {
	let least = Infinity, raw = Infinity;
	for (let i = 0; i < 12 && Math.round(least) > limit; i++) {
		const before = spin(), ms = await work(), busy = Math.max((before + spin()) / 2 / quickest, 1);
		raw = Math.min(raw, ms);
		least = Math.min(least, ms / busy);
	}
	console.log(`# ${Math.round(raw)} ms, ${Math.round(least)} ms of an idle machine`);
	return Math.round(least);
}

async function testMany() {
	for (let i = 0; i < 10; i++)
		spin();
	const opened = await best(2000, async () => {
		const start = Date.now(), page = await open(browser, path.join(dir, "many.html"));
		await settle(page);
		const ms = Date.now() - start;
		await page.close();
		return ms;
	});
	ok(`100,000 distinct stacks open in 2 s (${opened} ms)`, opened <= 2000, opened);
	const page = await open(browser, path.join(dir, "many.html"));
	await shot(page, "many");
	is("with all their samples", await page.evaluate(() => V.countOf(varve.view(), 0)), 200000);
	const work = { zoom: "varve.zoomTo(varve.view().end.findIndex((e, i) => i && varve.view().depth[i] === 3))",
		"zoom out": "varve.zoomTo(null)", scroll: "varve.scroll.scrollTop = 0, varve.draw()", hover: "varve.hover = varve.layout.rows[2][0], varve.draw()" };
	for (const [name, js] of Object.entries(work)) {
		const ms = await best(100, () => page.evaluate(`(() => { const t = performance.now(); ${js}; return performance.now() - t; })()`));
		ok(`and stay responsive: ${name} (${ms} ms)`, ms <= 100, ms);
	}
	const slow = { search: "varve.query.value = 'method_12', varve.search()", "a filter": "varve.thread.value = 't3', varve.filter()",
		"a time range": "varve.setTime(1e9, 2e10)", callers: "varve.toggle('reverse')" };
	for (const [name, js] of Object.entries(slow)) {
		const ms = await best(500, () => page.evaluate(`(() => { const t = performance.now(); ${js}; return performance.now() - t; })()`));
		ok(`and summing up again is quick: ${name} (${ms} ms)`, ms <= 500, ms);
	}
	is("nothing went wrong with many", page.problems, []);
	await page.close();
	const svg = await best(2000, async () => {
		const start = Date.now(), p = await open(browser, path.join(dir, "many.svg"));
		await settle(p);
		const ms = Date.now() - start;
		await p.close();
		return ms;
	});
	ok(`as an SVG too (${svg} ms)`, svg <= 2000, svg);
}

// ---- the SVG -------------------------------------------------------------------------------------------------------

const frame = (page, name, nth = 0) => page.evaluate((wanted, k) => {
	const all = [...document.querySelectorAll("#frames > g")].filter((g) => g.querySelector("title").textContent.startsWith(wanted + " "));
	const g = all[k];
	if (!g || g.style.display === "none")
		return null;
	const r = g.querySelector("rect").getBoundingClientRect();
	return { x: r.left + r.width / 2, y: r.top + r.height / 2, w: r.width, fill: g.querySelector("rect").getAttribute("fill"), top: r.top };
}, name, nth);

async function testSvg() {
	const page = await open(browser, path.join(dir, "on.svg"), 1220, 420);
	const all = await frame(page, "all"), main = await frame(page, "main");
	near("SVG: a frame is as wide as its share", main.w / all.w, 75 / 110, 0.01);
	await page.mouse.move(main.x, main.y);
	ok("SVG: hovering tells the details", (await text(page, "#details")).startsWith("main [/usr/bin/app] (75 samples, 68.18%"), await text(page, "#details"));
	await shot(page, "svg");
	const gc = await frame(page, "gc");
	await page.mouse.click(gc.x, gc.y);
	near("SVG: a click zooms", (await frame(page, "gc")).w, all.w, 0.5);
	is("SVG: those beside it are gone", await frame(page, "strlen"), null);
	ok("SVG: those below stay, dimmed", await page.evaluate(() => [...document.querySelectorAll("#frames > g")].some((g) => g.style.opacity === "0.45")));
	await page.click("#reset");
	near("SVG: reset", (await frame(page, "gc")).w, gc.w, 0.5);
	await page.keyboard.press("/");
	await page.keyboard.type("recv");
	is("SVG: search, matched once a stack", await text(page, "#matched"), "Matched: 45.45%");
	is("SVG: matches are magenta", (await frame(page, "recv")).fill, "#e600e6");
	await shot(page, "svg-search");
	await page.keyboard.press("Escape");
	is("SVG: escape clears", await text(page, "#matched"), "");
	await page.keyboard.press("i");
	ok("SVG: icicle", (await frame(page, "all")).top < (await frame(page, "gc")).top);
	await page.keyboard.press("i");
	await page.keyboard.press("ArrowUp");
	await page.keyboard.press("ArrowUp");
	await page.keyboard.press("Enter");
	ok("SVG: keys walk and zoom", (await frame(page, "all")).w > 1000 && await page.evaluate(() => document.getElementById("reset").style.display !== "none"));
	is("SVG: nothing went wrong", page.problems, []);
	is("SVG: it asked for nothing", page.requests, []);
	is("SVG: no name opened a dialog", page.dialogs, 0);
	await page.close();
	return main.fill;
}

// In a viewer that runs no scripts, a deep picture too must open on what it is about: the roots.
async function testDeep() {
	const page = await browser.newPage();
	await page.setJavaScriptEnabled(false);
	await page.setViewport({ width: 1280, height: 760 });
	await page.goto("file://" + path.join(dir, "deep.svg"));
	await shot(page, "svg-deep-without-scripts");
	const shown = fs.readFileSync(path.join(dir, "deep.svg"), "utf8");
	const y = (name) => +shown.match(new RegExp(`<g[^>]*><title>${name} .*? y="([0-9.]+)"`))[1];
	ok("SVG: a deep picture opens on its roots without scripts", y("all") < 100 && y("level_1") < 130, [y("all"), y("level_1")]);
	await page.close();
	const live = await open(browser, path.join(dir, "deep.svg"));
	is("SVG: and with them", await live.evaluate(() => window.scrollY), 0);
	const at = await frame(live, "level_3");
	await live.mouse.move(at.x, at.y);
	const details = await live.$eval("#details", (e) => ({ text: e.textContent, y: e.getBoundingClientRect().top }));
	ok("SVG: where hovering tells the details in view", details.text.startsWith("level_3") && details.y < 200, details);
	await live.close();
	const upright = await open(browser, path.join(dir, "upright.svg"));
	ok("SVG: --no-icicle begins at the roots by its script", await upright.evaluate(() => window.scrollY > 300));
	await upright.close();
}

async function testColors(fill) {
	const page = await open(browser, path.join(dir, "page.html"));
	is("a function has the same colour in page and SVG", await page.evaluate(() => V.color("main", 0, 0)), fill);
	is("names beyond ASCII too", await page.evaluate(() => V.hash("naïve ☃")), 0xad3fb100);
	await page.close();
}

try {
	await testPage();
	await testChart();
	await testDiff();
	await testColors(await testSvg());
	await testDeep();
	await testMany();
} catch (e) {
	ok("the tests ran to their end", false, String(e.stack || e));
} finally {
	await browser.close();
}
process.exit(done());
