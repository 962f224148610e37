// SPDX-License-Identifier: BSD-2-Clause
// The flame chart: one lane a thread, what it did in the order it did it. The chosen thread's lane opens into its stacks.
V.LANE = 16;
V.GUTTER = 190;
V.STEP = 15; // px a stack row of the open lane is high
V.stateColors = { R: "#d9534f", D: "#5b3fa8", S: "#a9cbe8", I: "#d5dde4", T: "#8c8c8c" };
V.stateNames = { R: "preempted", D: "uninterruptible wait", S: "sleeping", I: "idle", T: "stopped" };

V.Chart = function (data) {
	var m = data.moments, i;
	this.data = data;
	this.threads = [];
	for (i = 0; i < m.ts.length; i++) {
		var last = this.threads[this.threads.length - 1];
		if (!last || last.number !== m.thread[i]) {
			last = { number: m.thread[i], from: i, to: i, samples: 0 };
			this.threads.push(last);
		}
		last.to = i + 1;
		last.samples += m.dur[i] ? 0 : 1;
	}
	this.threads.sort(function (a, b) { return b.samples - a.samples || (b.to - b.from) - (a.to - a.from); });
	this.open = this.threads.length ? this.threads[0].number : -1;
	this.depth = new Map();
};

// Rows the open lane needs: the deepest stack of the thread.
V.Chart.prototype.depthOf = function (thread) {
	var m = this.data.moments, max = 0, i;
	if (!this.depth.has(thread.number)) {
		for (i = thread.from; i < thread.to; i++)
			max = Math.max(max, this.data.view(m.view[i]).depth[m.node[i]]);
		this.depth.set(thread.number, max);
	}
	return this.depth.get(thread.number);
};

V.Chart.prototype.lanes = function (mask) {
	var y = 22, lanes = [], self = this;
	this.threads.forEach(function (t) {
		if (mask && !mask[t.number])
			return;
		var h = V.LANE + (t.number === self.open ? (self.depthOf(t) + 1) * V.STEP + 4 : 0);
		lanes.push({ thread: t, y: y, h: h });
		y += h + 2;
	});
	this.height = y + 8;
	return lanes;
};

// When a moment ends: a wait by its duration, a sample when the next thing begins but at most one period later.
V.Chart.prototype.endOf = function (i, to) {
	var m = this.data.moments, end = m.ts[i] + (m.dur[i] || this.data.sampleNs);
	return i + 1 < to && m.ts[i + 1] < end ? m.ts[i + 1] : end;
};

// The first moment of the thread that may reach into time t.
V.Chart.prototype.firstAt = function (thread, t) {
	var ts = this.data.moments.ts, low = thread.from, high = thread.to, mid;
	while (low < high) {
		mid = (low + high) >> 1;
		if (ts[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	return Math.max(low - 1, thread.from);
};

V.axisStep = function (span, px) {
	var step = Math.pow(10, Math.floor(Math.log10(span / (px / 110))));
	[10, 5, 2].forEach(function (k) {
		if (span / (step * k) >= px / 160)
			step *= k;
	});
	return step;
};

V.Chart.prototype.drawAxis = function (ctx, o) {
	var step = V.axisStep(o.t1 - o.t0, o.width - V.GUTTER), t;
	ctx.fillStyle = "#59636e";
	for (t = Math.ceil(o.t0 / step) * step; t < o.t1; t += step) {
		ctx.fillRect(o.x(t), 18, 1, 4);
		ctx.fillText(V.time(t, step), o.x(t) + 3, 10);
	}
};

V.Chart.prototype.drawLane = function (ctx, o, lane) {
	var m = this.data.moments, t = lane.thread, y = lane.y - o.scroll, i, end, x, w, last = -1, who;
	who = this.data.threads[t.number];
	ctx.fillStyle = t.number === this.open ? "#0550ae" : "#1b1f24";
	ctx.fillText(V.fit(who[1] + " " + who[0], V.GUTTER - 12, o.charPx), 4, y + V.LANE / 2);
	ctx.fillStyle = "#f3f5f7";
	ctx.fillRect(V.GUTTER, y, o.width - V.GUTTER, V.LANE - 1);
	for (i = this.firstAt(t, o.t0); i < t.to && m.ts[i] < o.t1; i++) {
		end = this.endOf(i, t.to);
		if (end <= o.t0)
			continue;
		x = Math.max(o.x(m.ts[i]), V.GUTTER);
		w = Math.max(Math.min(o.x(end), o.width) - x, 1);
		if (x + w <= last)
			continue; // a pixel shows what came first in it
		if (!m.dur[i]) {
			ctx.fillStyle = V.frameColor(this.data.view(m.view[i]), this.data.view(m.view[i]).frame[m.node[i]]);
			ctx.fillRect(x, y, w, V.LANE - 1);
		} else {
			ctx.fillStyle = V.stateColors[String.fromCharCode(m.state[i])] || "#a9cbe8";
			ctx.fillRect(x, y + 4, w, V.LANE - 9);
			if (m.runq[i]) {
				ctx.fillStyle = "#f0ad4e";
				ctx.fillRect(Math.max(o.x(end - m.runq[i]), x), y + 4,
					Math.max(Math.min(o.x(end), o.width) - Math.max(o.x(end - m.runq[i]), x), 0.7), V.LANE - 9);
			}
		}
		last = x + w;
	}
};

// Runs of equal frames in the open lane: neighbours in time join when they touch and all below them is equal too, on the CPU
// and off it alike. A run is cold when the thread only waited in it.
V.Chart.prototype.runs = function (t, o) {
	var m = this.data.moments, rows = [], open = [], i, d, end = 0, endTs = 0, waited = true, last = -1, view, stop, x, node, path, run;
	function same(r, frame) {
		return r.view.names[r.frame] === view.names[frame] && r.view.kinds[r.frame] === view.kinds[frame];
	}
	for (i = this.firstAt(t, o.t0); i < t.to && m.ts[i] < o.t1; i++) {
		view = this.data.view(m.view[i]);
		stop = this.endOf(i, t.to);
		x = Math.max(o.x(m.ts[i]), V.GUTTER);
		if (stop <= o.t0 || (last >= 0 && o.x(stop) < last + 0.5))
			continue;
		for (path = [], node = m.node[i]; node > 0; node = view.parent[node])
			path.unshift(view.frame[node]);
		// samples come a little late at times: between two, up to one missing is no gap
		if (x - end > 1.5 && (m.dur[i] || waited || m.ts[i] - endTs > this.data.sampleNs))
			open = [];
		endTs = stop;
		waited = m.dur[i] > 0;
		for (d = 0; d < open.length && d < path.length && same(open[d], path[d]);)
			d++;
		open.length = d;
		end = last = Math.min(Math.max(o.x(stop), x + 0.5), o.width);
		for (; d < path.length; d++) {
			run = { d: d, frame: path[d], view: view, x0: x, x1: x, hot: false };
			open.push(run);
			(rows[d] || (rows[d] = [])).push(run);
		}
		for (d = 0; d < open.length; d++) {
			open[d].x1 = end;
			open[d].hot = open[d].hot || !m.dur[i];
		}
	}
	return rows;
};

V.Chart.prototype.drawOpen = function (ctx, o, lane) {
	var y = lane.y + V.LANE - o.scroll;
	this.rows = this.runs(lane.thread, o);
	this.rowsY = y;
	this.rows.forEach(function (row, d) {
		row.forEach(function (r) {
			var w = r.x1 - r.x0, hit = o.pattern && o.pattern.test(r.view.names[r.frame]);
			ctx.fillStyle = hit ? "#e600e6" : V.color(r.view.names[r.frame], r.view.kinds[r.frame], r.hot ? 0 : 1);
			ctx.fillRect(r.x0, y + d * V.STEP, Math.max(w - (w > 3 ? 1 : 0), 0.6), V.STEP - 1);
			if (w > 22) {
				ctx.fillStyle = hit ? "#fff" : "#000";
				ctx.fillText(V.fit(r.view.names[r.frame], w - 6, o.charPx), r.x0 + 3, y + d * V.STEP + V.STEP / 2);
			}
		});
	});
};

// o: canvas, width, height, scroll, t0, t1, mask, pattern (RegExp or null)
V.Chart.prototype.draw = function (o) {
	var ctx = V.fitCanvas(o.canvas, o.width, o.height), self = this;
	ctx.clearRect(0, 0, o.width, o.height);
	ctx.textBaseline = "middle";
	o.charPx = ctx.measureText("MMMMMMMMMM").width / 10;
	o.x = function (t) { return V.GUTTER + (t - o.t0) / (o.t1 - o.t0) * (o.width - V.GUTTER); };
	this.rows = [];
	this.shown = this.lanes(o.mask);
	this.shown.forEach(function (lane) {
		if (lane.y + lane.h < o.scroll || lane.y > o.scroll + o.height)
			return;
		self.drawLane(ctx, o, lane);
		if (lane.thread.number === self.open)
			self.drawOpen(ctx, o, lane);
	});
	ctx.clearRect(0, 0, o.width, 22);
	this.drawAxis(ctx, o);
	this.last = o;
};

// What is at a point of the canvas: { lane, run, moment } or null.
V.Chart.prototype.at = function (x, y) {
	var o = this.last, lane, row, run, t, i;
	lane = this.shown.find(function (l) { return y + o.scroll >= l.y && y + o.scroll < l.y + l.h; });
	if (!lane)
		return null;
	if (y + o.scroll >= lane.y + V.LANE) {
		row = this.rows[Math.floor((y - this.rowsY) / V.STEP)] || [];
		run = row.find(function (r) { return x >= r.x0 && x < Math.max(r.x1, r.x0 + 1); });
		return { lane: lane, run: run || null, moment: -1 };
	}
	t = o.t0 + (x - V.GUTTER) / (o.width - V.GUTTER) * (o.t1 - o.t0);
	i = x < V.GUTTER ? -1 : this.firstAt(lane.thread, t);
	if (i >= 0 && (this.data.moments.ts[i] > t || this.endOf(i, lane.thread.to) < t))
		i = -1;
	return { lane: lane, run: null, moment: i };
};

V.Chart.prototype.describe = function (at) {
	var m = this.data.moments, who = this.data.threads[at.lane.thread.number], i = at.moment, view;
	var text = who[1] + " (tid " + who[0] + ", process " + who[3] + " " + who[2] + ")";
	if (at.run)
		return text + "\n" + at.run.view.names[at.run.frame] +
			(at.run.view.modules[at.run.frame] ? " [" + at.run.view.modules[at.run.frame] + "]" : "");
	if (i < 0)
		return text;
	view = this.data.view(m.view[i]);
	if (!m.dur[i])
		return text + "\nat " + V.time(m.ts[i], 1000) + ": on CPU in " + view.names[view.frame[m.node[i]]];
	return text + "\nat " + V.time(m.ts[i], 1000) + ": " + (V.stateNames[String.fromCharCode(m.state[i])] || "waiting") + " for " +
		V.duration(m.dur[i]) + (m.runq[i] ? ", of it " + V.duration(m.runq[i]) + " runnable" : "") + " in " +
		view.names[view.frame[m.node[i]]];
};
