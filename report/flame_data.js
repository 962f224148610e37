// SPDX-License-Identifier: BSD-2-Clause
// The page's data: decoding, filtering, summing up. Nothing here touches the document.
var V = {};

// The bytes of a base64 text.
V.bytes = function (text) {
	var raw, out, i;
	if (Uint8Array.fromBase64)
		return Uint8Array.fromBase64(text);
	raw = atob(text);
	out = new Uint8Array(raw.length);
	for (i = 0; i < raw.length; i++)
		out[i] = raw.charCodeAt(i);
	return out;
};

// Column of unsigned LEB128 varints in base64. Exact up to 2^53, where a double's integers end (104 days in ns).
V.numbers = function (text, make) {
	var raw = V.bytes(text), len = raw.length, cnt = 0, i, at, out, value, scale, b;
	for (at = 0; at < len; at++)
		cnt += raw[at] < 128 ? 1 : 0;
	out = new (make || Float64Array)(cnt);
	for (i = 0, at = 0; i < cnt; i++) {
		b = raw[at++];
		value = b & 127;
		for (scale = 128; b > 127; scale *= 128) {
			b = raw[at++];
			value += (b & 127) * scale;
		}
		out[i] = value;
	}
	return out;
};

V.signed = function (text) {
	var out = V.numbers(text);
	for (var i = 0; i < out.length; i++)
		out[i] = out[i] % 2 ? -(out[i] + 1) / 2 : out[i] / 2;
	return out;
};

V.runningSum = function (a) {
	for (var i = 1; i < a.length; i++)
		a[i] += a[i - 1];
	return a;
};

// From the depths of a preorder: each node's parent, and the first node after its subtree.
V.linkTree = function (view) {
	var n = view.depth.length, path = [], i, d;
	view.parent = new Int32Array(n);
	view.end = new Int32Array(n).fill(n);
	view.levels = 0;
	for (i = 0; i < n; i++) {
		d = view.depth[i];
		while (path.length > d)
			view.end[path.pop()] = i;
		view.parent[i] = d ? path[d - 1] : -1;
		path.push(i);
		if (d + 1 > view.levels)
			view.levels = d + 1;
	}
};

V.prepareView = function (raw) {
	var view = {
		id: raw.id, title: raw.title, unit: raw.unit, note: raw.note, palette: raw.palette, byCount: raw.byCount,
		sliceNs: raw.sliceNs, names: raw.names, modules: raw.modules,
		kinds: V.numbers(raw.kinds, Uint8Array), depth: V.numbers(raw.depth, Int32Array),
		frame: V.numbers(raw.frame, Int32Array), baseSelf: raw.base ? V.numbers(raw.base) : null,
		points: {
			node: V.runningSum(V.numbers(raw.points.node, Int32Array)),
			thread: V.numbers(raw.points.thread, Int32Array),
			slice: V.numbers(raw.points.slice, Int32Array), len: V.numbers(raw.points.len, Int32Array),
			value: V.numbers(raw.points.value), count: V.numbers(raw.points.count),
		},
	};
	for (var i = 1; i < view.modules.length; i++)
		if (view.modules[i] === 0)
			view.modules[i] = view.modules[i - 1];
	V.linkTree(view);
	return view;
};

// Views are decoded when they are first shown.
V.load = function (text) {
	var data = JSON.parse(text), raw = data.views;
	data.views = raw.map(function (r) { return { id: r.id, title: r.title }; });
	data.view = function (i) {
		if (raw[i]) {
			data.views[i] = V.prepareView(raw[i]);
			raw[i] = null;
		}
		return data.views[i];
	};
	if (data.moments) {
		for (var key in data.moments)
			data.moments[key] = V.signed(data.moments[key]);
		V.absoluteTimes(data);
	}
	return data;
};

V.absoluteTimes = function (data) {
	var m = data.moments, at = data.from, i;
	for (i = 0; i < m.ts.length; i++) {
		if (i && m.thread[i] !== m.thread[i - 1])
			at = data.from;
		at += m.ts[i];
		m.ts[i] = at;
	}
};

// Sum what the filter lets through: into view.self, view.total (and counts). threads: mask by thread number or null;
// slices: [first, end) or null.
V.aggregate = function (view, threads, slices, byCount) {
	var p = view.points, n = view.depth.length, value = byCount ? p.count : p.value, i, share;
	var self = new Float64Array(n), count = byCount ? self : new Float64Array(n);
	for (i = 0; i < p.node.length; i++) {
		if (threads && !threads[p.thread[i]])
			continue;
		share = 1;
		if (slices) // a run of slices counts by how much of it is wanted
			share = (Math.min(p.slice[i] + p.len[i], slices[1]) - Math.max(p.slice[i], slices[0])) / p.len[i];
		if (share <= 0)
			continue;
		self[p.node[i]] += value[i] * share;
		if (!byCount)
			count[p.node[i]] += p.count[i];
	}
	view.self = self;
	view.total = V.sumUp(view, self);
	view.countSelf = count;
	view.count = null; // see V.countOf()
	if (view.baseSelf && !view.baseTotal)
		view.baseTotal = V.sumUp(view, view.baseSelf);
	view.start = V.starts(view, view.total);
};

// How many events a node's total stands for; summed up when first asked for.
V.countOf = function (view, node) {
	if (!view.count)
		view.count = V.sumUp(view, view.countSelf);
	return view.count[node];
};

V.sumUp = function (view, self) {
	var total = self.slice(), i;
	for (i = total.length - 1; i > 0; i--)
		total[view.parent[i]] += total[i];
	return total;
};

// Where each node begins, inside its parent after its elder siblings.
V.starts = function (view, total) {
	var n = total.length, start = new Float64Array(n), next = new Float64Array(n), i, p;
	for (i = 1; i < n; i++) {
		p = view.parent[i];
		start[i] = next[i] = next[p];
		next[p] += total[i];
	}
	return start;
};

// Activity over time for the brush: value per slice of what the thread filter lets through.
V.activity = function (view, threads, byCount) {
	var p = view.points, value = byCount ? p.count : p.value, last = 1, i, k, out;
	for (i = 0; i < p.slice.length; i++)
		last = Math.max(last, p.slice[i] + p.len[i]);
	out = new Float64Array(last);
	for (i = 0; i < p.slice.length; i++)
		for (k = 0; k < p.len[i] && (!threads || threads[p.thread[i]]); k++)
			out[p.slice[i] + k] += value[i] / p.len[i];
	return out;
};

V.threadValues = function (view, cnt, byCount) {
	var p = view.points, value = byCount ? p.count : p.value, out = new Float64Array(cnt);
	for (var i = 0; i < p.thread.length; i++)
		out[p.thread[i]] += value[i];
	return out;
};

// All-lower-case patterns ignore case; what is no valid expression is looked for as it stands.
V.expression = function (s) {
	var flags = s === s.toLowerCase() ? "i" : "";
	try {
		return new RegExp(s, flags);
	} catch (e) {
		return new RegExp(s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
	}
};

// Which frames a pattern hits, and the part of the whole that has one of them in its stack, each stack counted once.
V.search = function (view, pattern) {
	var re = V.expression(pattern), hit = new Uint8Array(view.names.length), i, sum = 0;
	for (i = 1; i < view.names.length; i++)
		hit[i] = re.test(view.names[i]) ? 1 : 0;
	for (i = 1; i < view.frame.length;) {
		if (hit[view.frame[i]]) {
			sum += view.total[i];
			i = view.end[i];
		} else {
			i++;
		}
	}
	return { hit: hit, share: view.total[0] ? sum / view.total[0] : 0 };
};

// The tree from the leaves: node objects, children made when they are asked for. Each holds the nodes of the forward
// tree it stands for, with the self value that reaches them.
V.reverseRoot = function (view) {
	var nodes = [], weights = [], bases = [], i;
	for (i = 1; i < view.frame.length; i++) {
		if (view.self[i] > 0 || (view.baseSelf && view.baseSelf[i] > 0)) {
			nodes.push(i);
			weights.push(view.self[i]);
			bases.push(view.baseSelf ? view.baseSelf[i] : 0);
		}
	}
	return { frame: 0, depth: 0, total: view.total[0], base: view.baseTotal ? view.baseTotal[0] : 0, parent: null,
		self: 0, nodes: nodes, weights: weights, bases: bases, kids: null };
};

V.reverseChildren = function (view, node) {
	var groups = new Map(), i, at, kid;
	if (node.kids)
		return node.kids;
	for (i = 0; i < node.nodes.length; i++) {
		at = node.depth === 0 ? node.nodes[i] : view.parent[node.nodes[i]];
		if (at <= 0)
			continue;
		kid = groups.get(view.frame[at]);
		if (!kid) {
			kid = { frame: view.frame[at], depth: node.depth + 1, total: 0, base: 0, self: 0, parent: node,
				nodes: [], weights: [], bases: [], kids: null };
			groups.set(view.frame[at], kid);
		}
		kid.total += node.weights[i];
		kid.base += node.bases[i];
		kid.nodes.push(at);
		kid.weights.push(node.weights[i]);
		kid.bases.push(node.bases[i]);
	}
	node.kids = Array.from(groups.values()).sort(function (a, b) {
		return b.total - a.total || (view.names[a.frame] < view.names[b.frame] ? -1 : 1);
	});
	return node.kids;
};
