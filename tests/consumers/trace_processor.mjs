// SPDX-License-Identifier: BSD-2-Clause
// Perfetto's trace processor (WebAssembly) as a command: rows of SQL on a trace, tab-separated, one blank line between queries.
//   node trace_processor.mjs ENGINE_DIR TRACE "SQL"…
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { pathToFileURL } from "node:url";

const [dir, trace, ...queries] = process.argv.slice(2);
const wasm = fs.readFileSync(path.join(dir, "trace_processor.wasm"));

// The engine is written for a browser's worker: give it the few globals it looks for.
globalThis.WorkerGlobalScope = function () {};
globalThis.self = globalThis;
self.location = { href: "http://localhost/engine_bundle.js" };
globalThis.XMLHttpRequest = class { // all it ever asks for is its own code
	open() {}
	send() { this.response = wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length); }
};
const lines = [];
const log = (line) => lines.push(line);
console.log = () => {};
vm.runInThisContext(fs.readFileSync(path.join(dir, "engine_bundle.node.js"), "utf8"));
const { EngineBase } = await import(pathToFileURL(path.join(dir, "engine.mjs")).href);

class Engine extends EngineBase {
	constructor(port) {
		super();
		this.id = "test";
		this.port = port;
		port.onmessage = (m) => super.onRpcResponseBytes(m.data);
	}
	get mode() { return "WASM"; }
	rpcSendRequestBytes(bytes) { this.port.postMessage(bytes); }
	[Symbol.dispose]() {}
}

const channel = new MessageChannel();
self.onmessage({ data: channel.port1 });
const engine = new Engine(channel.port2);
await engine.parse(fs.readFileSync(trace));
await engine.notifyEof();
for (const [i, sql] of queries.entries()) {
	const result = await engine.query(sql);
	const columns = result.columns();
	if (i)
		log("");
	for (const it = result.iter({}); it.valid(); it.next())
		log(columns.map((c) => { const v = it.get(c); return v === null ? "NULL" : String(v); }).join("\t"));
}
// a pipe is written asynchronously, and exit would cut it off
process.stdout.write(lines.join("\n") + (lines.length ? "\n" : ""), () => process.exit(0));
