// SPDX-License-Identifier: BSD-2-Clause
// The page itself: tabs, tools, brush, keys. Text from the recording only ever becomes textContent, never markup.
V.duration = function (ns) {
	if (ns >= 1e9)
		return (ns / 1e9).toFixed(2) + " s";
	if (ns >= 1e6)
		return (ns / 1e6).toFixed(2) + " ms";
	return ns >= 1e3 ? (ns / 1e3).toFixed(1) + " us" : Math.round(ns) + " ns";
};

// An instant, with as many digits as the step between neighbours needs.
V.time = function (ns, step) {
	var digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9) - 1e-9)));
	return (ns / 1e9).toFixed(digits) + " s";
};

V.percent = function (part, whole) {
	return (whole ? 100 * part / whole : 0).toFixed(2) + "%";
};

V.element = function (tag, attributes, children) {
	var e = document.createElement(tag);
	Object.keys(attributes || {}).forEach(function (k) {
		if (k === "text")
			e.textContent = attributes[k];
		else if (k.slice(0, 2) === "on")
			e.addEventListener(k.slice(2), attributes[k]);
		else
			e.setAttribute(k, attributes[k]);
	});
	(children || []).forEach(function (c) { e.appendChild(c); });
	return e;
};

V.Page = function (data) {
	this.data = data;
	this.tab = 0;
	this.zoom = 0; // a node, or with reverse an object of the reverse tree; null: its root
	this.reverse = this.icicle = this.byBase = this.byCount = false;
	this.time = null; // [from, to) in ns, or null for all
	this.mask = null; // threads let through, or null
	this.hover = this.selected = null;
	this.chart = data.moments ? new V.Chart(data) : null;
	this.build();
	this.show(this.chart && data.startWithChart ? data.views.length : this.firstFull());
};

// The first tab that has something in it.
V.Page.prototype.firstFull = function () {
	if (this.data.firstView)
		return this.data.firstView;
	for (var i = 0; i < this.data.views.length; i++)
		if (this.data.view(i).points.node.length)
			return i;
	return 0;
};

V.Page.prototype.isChart = function () {
	return this.tab === this.data.views.length;
};

V.Page.prototype.view = function () {
	return this.data.view(this.isChart() ? 0 : this.tab);
};

V.Page.prototype.build = function () {
	var page = this, main = document.getElementById("main"), make = V.element;
	function toggle(key, text, title) {
		return make("button", { id: key, text: text, title: title, "aria-pressed": "false",
			onclick: function () { page.toggle(key); } });
	}
	main.textContent = "";
	this.tabs = make("nav", { role: "tablist" });
	this.data.views.forEach(function (v, i) {
		page.tabs.appendChild(make("button", { role: "tab", id: "tab-" + v.id, text: v.title,
			onclick: function () { page.show(i); } }));
	});
	if (this.chart)
		this.tabs.appendChild(make("button", { role: "tab", id: "tab-chart", text: "Flame chart",
			onclick: function () { page.show(page.data.views.length); } }));
	this.query = make("input", { type: "search", id: "query", placeholder: "Search: regular expression  /",
		"aria-label": "search frames by regular expression", oninput: function () { page.search(); } });
	this.matched = make("span", { id: "matched", "aria-live": "polite" });
	this.thread = make("select", { id: "thread", "aria-label": "thread", onchange: function () { page.filter(); } });
	this.cgroup = make("select", { id: "cgroup", "aria-label": "cgroup", onchange: function () { page.filter(); } });
	this.recording = make("select", { id: "recording", "aria-label": "recording", onchange: function () { page.filter(); } });
	this.who = make("input", { id: "who", type: "search", placeholder: "Threads: name, tid, pid",
		"aria-label": "filter threads", oninput: function () { page.filter(); } });
	this.tools = make("div", { class: "bar" }, [this.query, this.matched,
		make("button", { id: "reset", text: "Reset zoom", title: "0", onclick: function () { page.zoomTo(null); } }),
		toggle("icicle", "Icicle", "roots at the top  i"), toggle("reverse", "Callers", "merge from the leaves  r"),
		toggle("byCount", "Count", "widths by number instead of time  c"),
		toggle("byBase", "Before", "widths of the recording compared with  b"),
		make("span", { class: "grow" }), this.who, this.recording, this.thread, this.cgroup,
		make("button", { id: "help", text: "?", title: "keys", onclick: function () { page.help.showModal(); } })]);
	this.brush = make("canvas", { id: "brush", role: "img", tabindex: "0",
		"aria-label": "activity over time; drag, or use the arrow keys, to choose a range" });
	this.span = make("div", { id: "span" });
	this.note = make("div", { id: "note" });
	this.canvas = make("canvas", { id: "canvas", role: "img", "aria-label": "flame graph" });
	this.space = make("div", { id: "space" }, [this.canvas]);
	this.empty = make("div", { id: "empty", text: "Nothing here with this filter.", hidden: "" });
	this.scroll = make("div", { id: "scroll", tabindex: "0" }, [this.space, this.empty]);
	this.status = make("footer", { id: "status", "aria-live": "polite" });
	this.tip = make("div", { id: "tip", hidden: "" });
	this.help = this.buildHelp();
	[this.tabs, this.tools, make("div", { id: "time" }, [this.brush, this.span]), this.note, this.scroll, this.status,
		this.tip, this.help].forEach(function (e) { main.appendChild(e); });
	this.fillSelects();
	document.getElementById("byBase").hidden = !this.data.isDiff;
	if (this.data.isDiff)
		[this.who, this.recording, this.thread, this.cgroup, this.brush.parentNode, document.getElementById("byCount")].forEach(
			function (e) { e.hidden = true; });
	this.listen();
};

V.Page.prototype.buildHelp = function () {
	var rows = [["/", "search; Esc leaves and clears"], ["click, Enter", "zoom to a frame"], ["0, Backspace", "all; one frame out"],
		["arrows", "walk from frame to frame"], ["i", "icicle: roots at the top"], ["r", "callers: merge from the leaves"],
		["c", "widths by count"], ["1 … 9", "tabs"], ["w s a d", "chart: closer, farther, earlier, later"],
		["Esc", "clear search, zoom and time range"]];
	var table = V.element("table", {}, rows.map(function (r) {
		return V.element("tr", {}, [V.element("td", {}, [V.element("kbd", { text: r[0] })]), V.element("td", { text: r[1] })]);
	}));
	var legend = V.element("p", { class: "legend" }, [["user", 0], ["kernel", 1], ["inlined", 2], ["JIT", 3], ["waker", 4]].map(
		function (k) {
			var i = V.element("i");
			i.style.background = V.color(k[0], k[1], 0);
			return V.element("span", {}, [i, document.createTextNode(k[0])]);
		}));
	return V.element("dialog", {}, [table, legend, V.element("form", { method: "dialog" }, [V.element("button", { text: "Close" })])]);
};

// Threads by how much they did, gathered by process.
V.Page.prototype.fillSelects = function () {
	var data = this.data, make = V.element, sum = new Float64Array(data.threads.length), groups = new Map(), select = this.thread;
	var cgroups = new Map();
	data.views.forEach(function (v, i) {
		V.threadValues(data.view(i), sum.length, false).forEach(function (x, t) { sum[t] += x; });
	});
	data.threads.forEach(function (t, i) {
		var key = V.processKey(t), where = data.recordings.length > 1 && data.recordings[t[6] - 1];
		var g = groups.get(key) || { name: t[3] + " (" + t[2] + (where ? " on " + where : "") + ")", key: key, sum: 0, threads: [] };
		g.sum += sum[i];
		g.threads.push(i);
		groups.set(key, g);
		cgroups.set(t[4], (cgroups.get(t[4]) || 0) + sum[i]);
	});
	[["", "All threads"], ["k0", "User threads"], ["k1", "Kernel threads"]].forEach(function (o) {
		select.appendChild(make("option", { value: o[0], text: o[1] }));
	});
	Array.from(groups.values()).sort(function (a, b) { return b.sum - a.sum; }).slice(0, 300).forEach(function (g) {
		if (!g.threads.some(function (i) { return data.threads[i][0]; }))
			return; // thread 0 stands for what belongs to nobody
		select.appendChild(make("option", { value: "p" + g.key, text: g.name }));
		g.threads.sort(function (a, b) { return sum[b] - sum[a]; });
		if (g.threads.length > 1)
			g.threads.slice(0, 100).forEach(function (i) {
				select.appendChild(make("option", { value: "t" + i, text: "\u2003" + data.threads[i][1] + " " + data.threads[i][0] }));
			});
	});
	this.cgroup.appendChild(make("option", { value: "", text: "All cgroups" }));
	Array.from(cgroups.keys()).sort(function (a, b) { return cgroups.get(b) - cgroups.get(a); }).forEach(function (c) {
		if (data.cgroups[c])
			this.cgroup.appendChild(make("option", { value: String(c), text: data.cgroups[c] }));
	}, this);
	this.cgroup.hidden = this.cgroup.options.length < 3;
	this.recording.appendChild(make("option", { value: "", text: "All recordings" }));
	data.recordings.forEach(function (host, i) {
		this.recording.appendChild(make("option", { value: String(i + 1), text: i + 1 + ": " + host }));
	}, this);
	this.recording.hidden = data.recordings.length < 2;
};

// Two hosts may both have a process of this pid and name.
V.processKey = function (t) {
	return t[2] + " " + t[3] + (t[6] > 1 ? " " + t[6] : "");
};

V.Page.prototype.filter = function () {
	var data = this.data, thread = this.thread.value, cgroup = this.cgroup.value, who = this.who.value.trim();
	var recording = this.recording.value;
	var re = who ? V.expression(who) : null;
	this.mask = null;
	if (thread || cgroup || recording || re) {
		this.mask = new Uint8Array(data.threads.length);
		data.threads.forEach(function (t, i) {
			this.mask[i] = (!thread || thread === "k" + t[5] || thread === "t" + i || thread === "p" + V.processKey(t)) &&
				(!cgroup || +cgroup === t[4]) && (!recording || +recording === t[6]) &&
				(!re || re.test(t[1]) || re.test(t[3]) || String(t[0]) === who || String(t[2]) === who ||
					re.test(data.cgroups[t[4]]));
		}, this);
	}
	this.refresh();
};

V.Page.prototype.toggle = function (key) {
	this[key] = !this[key];
	document.getElementById(key).setAttribute("aria-pressed", String(this[key]));
	if (key === "reverse")
		this.zoom = this.reverse ? null : 0;
	this.refresh(key === "icicle" || key === "reverse");
};

V.Page.prototype.show = function (tab) {
	this.tab = tab;
	this.zoom = this.reverse ? null : 0;
	this.selected = this.hover = null;
	Array.prototype.forEach.call(this.tabs.children, function (b, i) { b.setAttribute("aria-selected", String(i === tab)); });
	["icicle", "reverse", "byCount", "reset"].forEach(function (id) { document.getElementById(id).disabled = this.isChart(); }, this);
	this.refresh(true);
};

// Sum up again after a change of filter, range or tab; the search keeps standing.
V.Page.prototype.refresh = function (toRoots) {
	var view = this.view(), slices = null, byCount = this.byCount || view.byCount;
	if (this.time)
		slices = [Math.floor((this.time[0] - this.data.from) / view.sliceNs),
			Math.max(Math.ceil((this.time[1] - this.data.from) / view.sliceNs), 1)];
	this.isTime = !byCount;
	V.aggregate(view, this.mask, slices, byCount);
	this.maxDiff = view.baseTotal ? V.maxDiff(view) : null;
	if (this.reverse) {
		this.reverseTree = V.reverseRoot(view);
		this.zoom = null;
	} else if (this.zoom && !view.total[this.zoom]) {
		this.zoom = 0;
	}
	this.found = this.query.value ? V.search(view, this.query.value) : null;
	this.matched.textContent = this.found && !this.isChart() ? "Matched: " + (100 * this.found.share).toFixed(2) + "%" : "";
	this.note.textContent = this.isChart() ? this.chartNote() : view.note || "";
	this.hover = null;
	this.tip.hidden = true;
	this.drawBrush();
	this.layOut(toRoots);
};

V.Page.prototype.chartNote = function () {
	return this.data.momentsLeftOut ? this.data.momentsLeftOut.toLocaleString("en") + " later events are not in this page; choose a range with --time" : "";
};

V.Page.prototype.search = function () {
	this.refresh();
};

V.Page.prototype.layOut = function (toRoots) {
	var view = this.view(), width = this.scroll.clientWidth, selected = this.selected;
	if (this.isChart()) {
		this.chart.lanes(this.mask);
		this.pictureHeight = this.chart.height;
	} else {
		this.layout = this.reverse ? V.layoutReverse(view, this.zoom || this.reverseTree, width) :
			V.layoutForward(view, this.zoom, width, this.byBase);
		this.pictureHeight = this.layout.rows.length * V.ROW;
		this.selected = selected ? this.layout.find(selected.ref) : null;
	}
	this.space.style.height = this.pictureHeight + "px";
	this.empty.hidden = this.isChart() || (this.byBase ? view.baseTotal[0] : view.total[0]) > 0;
	if (toRoots)
		this.scroll.scrollTop = this.icicle || this.reverse || this.isChart() ? 0 : this.pictureHeight;
	this.draw();
	this.describe();
};

V.Page.prototype.rowY = function () {
	var page = this;
	return this.icicle || this.reverse ? function (d) { return d * V.ROW; } :
		function (d) { return page.pictureHeight - (d + 1) * V.ROW; };
};

V.Page.prototype.range = function () {
	return this.time || [this.data.from, this.data.to];
};

V.Page.prototype.draw = function () {
	var view = this.view(), r = this.range();
	if (this.isChart()) {
		this.chart.draw({ canvas: this.canvas, width: this.scroll.clientWidth, height: this.scroll.clientHeight - 2, scroll: this.scroll.scrollTop,
			t0: r[0], t1: r[1], mask: this.mask, pattern: this.query.value ? V.expression(this.query.value) : null });
		return;
	}
	V.drawBoxes({ view: view, layout: this.layout, canvas: this.canvas, width: this.scroll.clientWidth,
		height: this.scroll.clientHeight - 2, scroll: this.scroll.scrollTop, rowY: this.rowY(), hit: this.found && this.found.hit,
		selected: this.selected, hover: this.hover, whole: view.total[0] || 1, base: view.baseTotal ? view.baseTotal[0] || 1 : 1,
		maxDiff: this.maxDiff });
};

V.Page.prototype.zoomTo = function (ref) {
	this.zoom = this.reverse ? ref : ref || 0;
	this.layOut();
};

V.Page.prototype.text = function (box) {
	var view = this.view(), whole = view.total[0], name = view.names[box.frame], module = view.modules[box.frame], text, base;
	var page = this;
	function amount(v) {
		return page.isTime ? V.duration(v) : v.toLocaleString("en") + " " + view.unit;
	}
	text = name + (module ? "  [" + module + "]" : "") + "\n" + amount(box.total) + ", " + V.percent(box.total, whole) + " of all";
	if (!this.reverse && this.isTime)
		text += ", " + V.countOf(view, box.ref).toLocaleString("en") + " " + view.unit;
	if (box.self && box.self !== box.total)
		text += "; self " + amount(box.self) + ", " + V.percent(box.self, whole);
	if (view.baseTotal) {
		base = view.baseTotal[0];
		text += "; before " + V.percent(box.base, base) + ", now " + V.percent(box.total, whole);
	}
	return text;
};

V.Page.prototype.describe = function () {
	var box = this.hover || this.selected;
	this.status.textContent = this.isChart() ? "Click a lane to open it. Drag, a and d move; Ctrl or Shift with the wheel, w and s zoom." : box ? this.text(box) : this.layout && this.layout.rows[0] ? this.text(this.layout.rows[0][0]) : "";
};
