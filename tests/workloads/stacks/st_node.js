// SPDX-License-Identifier: BSD-2-Clause
// Constructs of node: frames of the interpreter, of both compilers, of builtins written in machine code that call back, of regular
// expressions, under C++ callbacks. Run with --perf-basic-prof, it names its code in a perf map.
'use strict';
const fs = require('fs');
const mode = process.argv[2], seconds = Number(process.env.ST_SECONDS || 1), blocked = 'BLOCK' in process.env;
const cell = new Int32Array(new SharedArrayBuffer(4));
let end = 0, work = 0;

function now() {
	const c = process.cpuUsage();
	return blocked ? performance.now() / 1e3 : (c.user + c.system) / 1e6;
}
function jsOnce() {
	if (blocked)
		Atomics.wait(cell, 0, 0, 2);
	else
		for (let i = 0; i < 100000; i++)
			work = (work * 3 + i) | 0;
	work++;
}
function jsLeaf() {
	while (now() < end)
		jsOnce();
	work++;
}
function jsInner(n) { jsLeaf(); return work + n; }
function jsMiddle(n) { return jsInner(n + 1) + 1; }
function jsOuter(n) { return jsMiddle(n + 1) + 1; }
function jsRec(n) { return n === 0 ? jsInner(n) : jsRec(n - 1) + 1; }
function jsCompare(a, b) {
	if (now() < end)
		jsOnce();
	return a - b;
}
function jsSorts() {
	while (now() < end)
		Array.from({ length: 300 }, (_, i) => i * 7919 % 300).sort(jsCompare);
	work++;
}
function jsReplacer(s) {
	if (now() < end)
		jsOnce();
	return s;
}
function jsReplaces() {
	while (now() < end)
		'ab'.repeat(100).replace(/a/g, jsReplacer);
	work++;
}
class Shape { run() { jsLeaf(); return work; } }
class Ring extends Shape { run() { return super.run() + 1; } }
function jsMethod(s) { return s.run() + 1; }

// Builtins_JSEntry is between, where node has symbols that are not exported (Debian's libnode has not)
const root = '~node::Start;**;';
const modes = {
	'node-deep': [root + '~jsOuter;~jsMiddle;~jsInner;~jsLeaf', () => jsOuter(1)],
	'node-rec': [root + '~jsRec;~jsRec;~jsRec;**;~jsRec;~jsInner;~jsLeaf', () => jsRec(60)],
	'node-sort': [root + '~jsSorts;**;~jsCompare', jsSorts],
	'node-regexp': [root + '~jsReplaces;**;~jsReplacer', jsReplaces],
	'node-method': [root + '~jsMethod;~run;~run;~jsLeaf', () => jsMethod(new Ring())],
};
const [chain, run] = modes[mode];
console.log(`file ${mode} /tmp/perf-${process.pid}.map`);
console.log(`chain ${mode} ${chain}`); // loads half of node
fs.writeFileSync('/proc/self/comm', 'st-' + mode);
end = now() + seconds;
run();
fs.writeFileSync('/proc/self/comm', 'stx');
