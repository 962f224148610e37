// SPDX-License-Identifier: BSD-2-Clause
// Mouse, keys and the brush over time.
V.Page.prototype.drawBrush = function () {
	var width = this.brush.parentNode.clientWidth - 250, height = 44, ctx, data = this.data, view = this.view(), page = this;
	if (width < 50 || data.isDiff)
		return;
	ctx = V.fitCanvas(this.brush, width, height);
	var activity = V.activity(view, this.mask, this.byCount || view.byCount), max = Math.max.apply(null, Array.from(activity).concat(1e-9));
	var px = view.sliceNs / (data.to - data.from) * width;
	ctx.clearRect(0, 0, width, height);
	ctx.fillStyle = "#f6f8fa";
	ctx.fillRect(0, 0, width, height);
	ctx.fillStyle = V.hsl(view.palette ? 212 : 18, 0.7, 0.62);
	activity.forEach(function (v, i) {
		var h = v / max * (height - 14);
		if (v > 0)
			ctx.fillRect(i * px, height - Math.max(h, 1), Math.max(px - (px > 3 ? 1 : 0), 0.7), Math.max(h, 1));
	});
	ctx.fillStyle = "#59636e";
	ctx.textBaseline = "top";
	ctx.font = "11px ui-monospace, 'DejaVu Sans Mono', monospace";
	var step = V.axisStep(data.to - data.from, width), t;
	for (t = Math.ceil(data.from / step) * step; t < data.to; t += step)
		if ((t - data.from) / (data.to - data.from) * width + 45 < width) // one cut off at the edge says nothing
			ctx.fillText(V.time(t, step), (t - data.from) / (data.to - data.from) * width + 2, 0);
	if (this.time) {
		var x0 = (this.time[0] - data.from) / (data.to - data.from) * width, x1 = (this.time[1] - data.from) / (data.to - data.from) * width;
		ctx.fillStyle = "rgba(255,255,255,.72)";
		ctx.fillRect(0, 0, x0, height);
		ctx.fillRect(x1, 0, width - x1, height);
		ctx.strokeStyle = "#0550ae";
		ctx.strokeRect(x0 + 0.5, 0.5, Math.max(x1 - x0 - 1, 1), height - 1);
	}
	this.span.textContent = this.spanText();
	page.brushWidth = width;
};

V.Page.prototype.spanText = function () {
	var r = this.range(), step = (r[1] - r[0]) / 100, text;
	text = V.time(r[0], step) + " – " + V.time(r[1], step);
	if (this.data.unixMs)
		text += "\n" + new Date(this.data.unixMs + r[0] / 1e6).toISOString().replace("T", " ").slice(0, 23) + " UTC";
	this.span.style.whiteSpace = "pre";
	return text;
};

V.Page.prototype.setTime = function (from, to) {
	var data = this.data, least = Math.min(1e3, data.to - data.from);
	if (to - from < least)
		to = from + least;
	if (from <= data.from && to >= data.to)
		this.time = null;
	else
		this.time = [Math.max(from, data.from), Math.min(to, data.to)];
	this.refresh();
};

V.Page.prototype.moveTime = function (shift, scale) {
	var r = this.range(), mid = (r[0] + r[1]) / 2, half = (r[1] - r[0]) / 2 * scale, d = shift * (r[1] - r[0]);
	var from = mid - half + d, to = mid + half + d;
	if (d && from < this.data.from) {
		to += this.data.from - from;
		from = this.data.from;
	} else if (d && to > this.data.to) {
		from -= to - this.data.to;
		to = this.data.to;
	}
	this.setTime(from, to);
};

V.Page.prototype.listenBrush = function () {
	var page = this, start = null;
	function at(e) {
		var box = page.brush.getBoundingClientRect(), part = Math.min(Math.max((e.clientX - box.left) / page.brushWidth, 0), 1);
		return page.data.from + part * (page.data.to - page.data.from);
	}
	this.brush.addEventListener("pointerdown", function (e) {
		start = at(e);
		page.brush.setPointerCapture(e.pointerId);
	});
	this.brush.addEventListener("pointermove", function (e) {
		if (start !== null)
			page.later(function () {
				if (start !== null && Math.abs(at(e) - start) > (page.data.to - page.data.from) / 500)
					page.setTime(Math.min(start, at(e)), Math.max(start, at(e)));
			});
	});
	this.brush.addEventListener("pointerup", function (e) {
		var end = at(e), tiny = (page.data.to - page.data.from) / 500;
		if (start !== null && Math.abs(end - start) > tiny)
			page.setTime(Math.min(start, end), Math.max(start, end));
		else if (start !== null) {
			page.time = null; // a click without a drag: all again
			page.refresh();
		}
		start = null;
	});
	this.brush.addEventListener("keydown", function (e) {
		var step = { ArrowLeft: [-0.25, 1], ArrowRight: [0.25, 1], ArrowUp: [0, 0.5], ArrowDown: [0, 2] }[e.key];
		if (!step)
			return;
		e.preventDefault();
		e.stopPropagation();
		page.moveTime(step[0], step[1]);
	});
};

// At most one piece of work a frame: the newest.
V.Page.prototype.later = function (work) {
	var page = this;
	if (!this.pending)
		requestAnimationFrame(function () {
			var todo = page.pending;
			page.pending = null;
			todo();
		});
	this.pending = work;
};

V.Page.prototype.boxAt = function (e) {
	var box = this.canvas.getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top + this.scroll.scrollTop, d;
	d = this.icicle || this.reverse ? Math.floor(y / V.ROW) : Math.floor((this.pictureHeight - y) / V.ROW);
	return this.layout.at(d, x);
};

V.Page.prototype.showTip = function (e, text) {
	this.tip.hidden = !text;
	if (!text)
		return;
	this.tip.textContent = text;
	this.tip.style.left = Math.max(Math.min(e.clientX + 14, window.innerWidth - this.tip.offsetWidth - 8), 4) + "px";
	this.tip.style.top = (e.clientY + 18 + this.tip.offsetHeight > window.innerHeight ? e.clientY - this.tip.offsetHeight - 10 :
		e.clientY + 18) + "px";
};

V.Page.prototype.onMove = function (e) {
	var box, at, rect;
	if (this.isChart()) {
		rect = this.canvas.getBoundingClientRect();
		at = this.chart.at(e.clientX - rect.left, e.clientY - rect.top);
		this.showTip(e, at ? this.chart.describe(at) : "");
		return;
	}
	box = this.boxAt(e);
	if (box !== this.hover) {
		this.hover = box;
		this.draw();
		this.describe();
	}
	this.showTip(e, box ? this.text(box) : "");
};

V.Page.prototype.onClick = function (e) {
	var rect, at, box;
	if (this.isChart()) {
		rect = this.canvas.getBoundingClientRect();
		at = this.chart.at(e.clientX - rect.left, e.clientY - rect.top);
		if (at && this.chart.open !== at.lane.thread.number) {
			this.chart.open = at.lane.thread.number;
			this.layOut();
		}
		return;
	}
	box = this.boxAt(e);
	if (box) {
		this.selected = box;
		this.zoomTo(box.ref);
	}
};

V.Page.prototype.listenChart = function () {
	var page = this, drag = null;
	this.canvas.addEventListener("pointerdown", function (e) { drag = page.isChart() ? { x: e.clientX, r: page.range() } : null; });
	window.addEventListener("pointerup", function () { drag = null; });
	this.canvas.addEventListener("pointermove", function (e) {
		var r, d;
		if (!drag || Math.abs(e.clientX - drag.x) < 4)
			return;
		r = drag.r;
		d = (drag.x - e.clientX) / (page.scroll.clientWidth - V.GUTTER) * (r[1] - r[0]);
		d = Math.min(Math.max(d, page.data.from - r[0]), page.data.to - r[1]);
		page.later(function () { page.setTime(r[0] + d, r[1] + d); });
	});
	this.canvas.addEventListener("wheel", function (e) {
		var rect = page.canvas.getBoundingClientRect(), r = page.range(), part, at, k;
		if (!page.isChart() || !(e.ctrlKey || e.shiftKey))
			return;
		e.preventDefault();
		part = Math.max(e.clientX - rect.left - V.GUTTER, 0) / (page.scroll.clientWidth - V.GUTTER);
		at = r[0] + part * (r[1] - r[0]);
		k = Math.pow(1.002, e.deltaY || e.deltaX);
		page.later(function () { page.setTime(at - (at - r[0]) * k, at + (r[1] - at) * k); });
	}, { passive: false });
};

V.Page.prototype.listen = function () {
	var page = this;
	this.canvas.addEventListener("mousemove", function (e) { page.later(function () { page.onMove(e); }); });
	this.canvas.addEventListener("mouseleave", function () {
		page.later(function () {
			page.hover = null;
			page.tip.hidden = true;
			page.draw();
			page.describe();
		});
	});
	this.canvas.addEventListener("click", function (e) { page.onClick(e); });
	this.scroll.addEventListener("scroll", function () { page.later(function () { page.draw(); }); });
	window.addEventListener("resize", function () { page.later(function () { page.refresh(); }); });
	window.addEventListener("keydown", function (e) { page.onKey(e); });
	this.query.addEventListener("keydown", function (e) {
		if (e.key === "Escape") {
			page.query.value = "";
			page.search();
			page.scroll.focus();
		} else if (e.key === "Enter") {
			page.scroll.focus();
		}
		e.stopPropagation();
	});
	this.listenBrush();
	this.listenChart();
};

V.Page.prototype.clearAll = function () {
	this.query.value = "";
	this.time = null;
	this.selected = null;
	this.zoom = this.reverse ? null : 0;
	this.refresh();
};

V.Page.prototype.onKey = function (e) {
	var tag = e.target.tagName, zoomed;
	if ((e.key === "/" || ((e.ctrlKey || e.metaKey) && e.key === "f")) && tag !== "INPUT") {
		e.preventDefault();
		this.query.focus();
		this.query.select();
		return;
	}
	if (e.ctrlKey || e.metaKey || e.altKey || tag === "INPUT" || tag === "SELECT" || this.help.open)
		return;
	if (e.key === "Escape")
		this.clearAll();
	else if (e.key === "?")
		this.help.showModal();
	else if (/^[1-9]$/.test(e.key) && this.tabs.children[e.key - 1])
		this.show(e.key - 1);
	else if (this.isChart())
		this.chartKey(e.key);
	else if (e.key === "0" || e.key === "Home")
		this.zoomTo(null);
	else if (e.key === "i")
		this.toggle("icicle");
	else if (e.key === "r")
		this.toggle("reverse");
	else if (e.key === "c" && !this.data.isDiff)
		this.toggle("byCount");
	else if (e.key === "b" && this.data.isDiff)
		this.toggle("byBase");
	else if (e.key === "Enter" && this.selected && tag !== "BUTTON")
		this.zoomTo(this.selected.ref);
	else if (e.key === "Backspace") {
		zoomed = this.reverse ? this.zoom && this.zoom.parent : this.view().parent[this.zoom];
		this.zoomTo(zoomed === -1 ? 0 : zoomed);
	} else if (/^Arrow/.test(e.key)) {
		e.preventDefault();
		this.walk(e.key);
	}
};

V.Page.prototype.chartKey = function (key) {
	var step = { w: [0, 0.5], s: [0, 2], a: [-0.25, 1], d: [0.25, 1], ArrowLeft: [-0.25, 1], ArrowRight: [0.25, 1] }[key];
	if (step)
		this.moveTime(step[0], step[1]);
	else if (key === "0")
		this.setTime(this.data.from, this.data.to);
};

// Arrow keys: along the row, to the frame below, or to the widest of those above.
V.Page.prototype.walk = function (key) {
	var now = this.selected || (this.layout.rows[0] && this.layout.rows[0][0]), row, i, step, outward, next = null;
	if (!now)
		return;
	outward = key === (this.icicle || this.reverse ? "ArrowDown" : "ArrowUp");
	if (!this.selected) {
		next = now;
	} else if (key === "ArrowLeft" || key === "ArrowRight") {
		row = this.layout.rows[now.d];
		step = key === "ArrowLeft" ? -1 : 1;
		for (i = row.indexOf(now) + step; row[i] && row[i].small;)
			i += step;
		next = row[i];
	} else {
		(this.layout.rows[now.d + (outward ? 1 : -1)] || []).forEach(function (b) {
			var inside = outward ? b.x >= now.x - 0.01 && b.x + b.w <= now.x + now.w + 0.01 : b.x <= now.x + 0.01 && b.x + b.w >= now.x + now.w - 0.01;
			if (!b.small && inside && (!next || b.w > next.w))
				next = b;
		});
	}
	if (!next)
		return;
	this.selected = next;
	this.hover = null;
	var y = this.rowY()(next.d);
	if (y < this.scroll.scrollTop)
		this.scroll.scrollTop = y;
	else if (y + V.ROW > this.scroll.scrollTop + this.scroll.clientHeight)
		this.scroll.scrollTop = y + V.ROW - this.scroll.clientHeight;
	this.draw();
	this.describe();
};

V.start = function () {
	var began = performance.now();
	window.varve = new V.Page(V.load(document.getElementById("data").textContent));
	window.varve.openMs = performance.now() - began;
};
V.start();
