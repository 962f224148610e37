// SPDX-License-Identifier: BSD-2-Clause
// Laying out boxes and drawing them on a canvas. Only what can be seen is laid out: narrower frames are skipped with all
// that stands on them, so that the cost depends on the window, not on the recording.

// Hue, its span, saturation, lightness, its span: by palette (hot, cold) and kind. The same as in flame_color.c.
V.swatches = [
	[[4, 18, 82, 64, 9], [33, 10, 92, 58, 8], [172, 16, 46, 62, 9], [92, 30, 48, 60, 10], [266, 20, 58, 74, 7],
		[0, 1, 0, 45, 1], [210, 20, 14, 78, 8], [0, 1, 0, 72, 1]],
	[[203, 16, 66, 66, 9], [228, 14, 58, 73, 7], [172, 16, 46, 62, 9], [92, 30, 48, 60, 10], [272, 20, 58, 74, 7],
		[0, 1, 0, 45, 1], [210, 20, 14, 78, 8], [0, 1, 0, 72, 1]],
];
V.KIND_LOST = 5;

V.hash = function (name) {
	var h = 2166136261, bytes = V.encoder.encode(name), i;
	for (i = 0; i < bytes.length; i++)
		h = Math.imul(h ^ bytes[i], 16777619);
	return h >>> 0;
};
V.encoder = new TextEncoder();

V.hsl = function (hue, saturation, light) {
	var chroma = (1 - Math.abs(2 * light - 1)) * saturation, least = light - chroma / 2;
	return "#" + [2, 0, 4].map(function (shift) {
		var at = (hue / 60 + shift) % 6;
		var level = at < 1 ? at : at < 3 ? 1 : at < 4 ? 4 - at : 0;
		return (Math.floor((least + chroma * level) * 255 + 0.5) & 255).toString(16).padStart(2, "0");
	}).join("");
};

V.color = function (name, kind, palette) {
	var s = V.swatches[palette][kind], h = V.hash(name);
	return V.hsl(s[0] + (h & 255) * s[1] / 256, s[2] / 100, (s[3] + (h >>> 8 & 255) * s[4] / 256) / 100);
};

V.diffColor = function (share, baseShare, max) {
	var delta = share - baseShare;
	var depth = max > 0 ? Math.sqrt(Math.min(Math.abs(delta) / max, 1)) : 0;
	if (Math.abs(delta) < 1e-9)
		depth = 0;
	return V.hsl(delta > 0 ? 4 : 216, 0.85 * depth, 0.92 - 0.32 * depth);
};

V.frameColor = function (view, frame) {
	if (!view.colors)
		view.colors = new Array(view.names.length);
	if (!view.colors[frame])
		view.colors[frame] = V.color(view.names[frame], view.kinds[frame], view.palette);
	return view.colors[frame];
};

V.MIN_PX = 0.5; // narrower frames are not laid out
V.ROW = 18;

// Rows of boxes, by depth, each row from left to right. Neighbouring frames too narrow to draw share one grey box.
V.Layout = function (width) {
	this.rows = [];
	this.width = width;
};

V.Layout.prototype.add = function (d, box) {
	(this.rows[d] || (this.rows[d] = [])).push(box);
};

V.Layout.prototype.addSmall = function (d, x, w) {
	var row = this.rows[d] || (this.rows[d] = []), last = row[row.length - 1];
	if (last && last.small && x - last.x - last.w < V.MIN_PX)
		last.w = x + w - last.x;
	else
		row.push({ x: x, w: w, small: true });
};

V.Layout.prototype.at = function (d, x) {
	var row = this.rows[d], low = 0, high, mid;
	if (!row)
		return null;
	high = row.length - 1;
	while (low <= high) {
		mid = (low + high) >> 1;
		if (x < row[mid].x)
			high = mid - 1;
		else if (x >= row[mid].x + Math.max(row[mid].w, 1))
			low = mid + 1;
		else
			return row[mid].small ? null : row[mid];
	}
	return null;
};

V.Layout.prototype.find = function (ref) {
	for (var d = 0; d < this.rows.length; d++)
		for (var i = 0; this.rows[d] && i < this.rows[d].length; i++)
			if (this.rows[d][i].ref === ref)
				return this.rows[d][i];
	return null;
};

V.forwardBox = function (view, i, x, w, above) {
	return { x: x, w: w, d: view.depth[i], ref: i, frame: view.frame[i], total: view.total[i], self: view.self[i],
		base: view.baseTotal ? view.baseTotal[i] : 0, above: above };
};

// zoom: a node. byBase: widths of the recording compared with.
V.layoutForward = function (view, zoom, width, byBase) {
	var layout = new V.Layout(width), total = byBase ? view.baseTotal : view.total, start = view.start, i, w, x, scale;
	if (byBase)
		start = view.baseStart || (view.baseStart = V.starts(view, total));
	for (i = view.parent[zoom]; i >= 0; i = view.parent[i])
		layout.add(view.depth[i], V.forwardBox(view, i, 0, width, true));
	scale = total[zoom] ? width / total[zoom] : 0;
	for (i = zoom; i < view.end[zoom];) {
		w = total[i] * scale;
		x = (start[i] - start[zoom]) * scale;
		if (w < V.MIN_PX && i !== zoom) {
			if (w > 0)
				layout.addSmall(view.depth[i], x, w);
			i = view.end[i];
			continue;
		}
		layout.add(view.depth[i], V.forwardBox(view, i, x, w, false));
		i++;
	}
	return layout;
};

V.reverseBox = function (node, x, w, above) {
	return { x: x, w: w, d: node.depth, ref: node, frame: node.frame, total: node.total, self: 0,
		base: node.base, above: above };
};

// zoom: an object of V.reverseRoot()'s tree; children come into being as far as they are wide enough.
V.layoutReverse = function (view, zoom, width) {
	var layout = new V.Layout(width), scale = zoom.total ? width / zoom.total : 0;
	for (var up = zoom.parent; up; up = up.parent)
		layout.add(up.depth, V.reverseBox(up, 0, width, true));
	(function place(node, x) {
		layout.add(node.depth, V.reverseBox(node, x, node.total * scale, false));
		V.reverseChildren(view, node).forEach(function (kid) {
			var w = kid.total * scale;
			if (w >= V.MIN_PX)
				place(kid, x);
			else if (w > 0)
				layout.addSmall(kid.depth, x, w);
			x += w;
		});
	})(zoom, 0);
	return layout;
};

V.maxDiff = function (view) {
	var max = 0, whole = view.total[0] || 1, base = view.baseTotal[0] || 1, i;
	for (i = 1; i < view.total.length; i++)
		max = Math.max(max, Math.abs(view.total[i] / whole - view.baseTotal[i] / base));
	return max;
};

V.fit = function (text, px, charPx) {
	var n = Math.floor(px / charPx);
	if (n >= text.length)
		return text;
	return n < 3 ? "" : text.slice(0, n - 1) + "…";
};

V.hatch = function (ctx) {
	var tile = document.createElement("canvas"), t = tile.getContext("2d");
	tile.width = tile.height = 8;
	t.fillStyle = "#d0d0d0";
	t.fillRect(0, 0, 8, 8);
	t.strokeStyle = "#9a9a9a";
	t.lineWidth = 2.5;
	t.beginPath();
	[[-2, 2, 2, -2], [-2, 10, 10, -2], [6, 10, 10, 6]].forEach(function (l) {
		t.moveTo(l[0], l[1]);
		t.lineTo(l[2], l[3]);
	});
	t.stroke();
	return ctx.createPattern(tile, "repeat");
};

V.fitCanvas = function (canvas, width, height) {
	var ratio = window.devicePixelRatio || 1, ctx = canvas.getContext("2d");
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		canvas.style.width = width + "px";
		canvas.style.height = height + "px";
	}
	ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
	ctx.font = "12px ui-monospace, SFMono-Regular, Menlo, 'DejaVu Sans Mono', monospace";
	return ctx;
};

// o: view, layout, canvas, width, height, scroll (px of rows above the canvas), rowY (depth → y in the whole picture),
// hit (frames matched or null), selected, hover (boxes or null), whole, base (totals for a difference) or null, maxDiff.
V.drawBoxes = function (o) {
	var ctx = V.fitCanvas(o.canvas, o.width, o.height), view = o.view, charPx = ctx.measureText("MMMMMMMMMM").width / 10;
	var hatch = V.hatch(ctx);
	ctx.clearRect(0, 0, o.width, o.height);
	ctx.textBaseline = "middle";
	o.layout.rows.forEach(function (row, d) {
		var y = o.rowY(d) - o.scroll;
		if (y + V.ROW < 0 || y > o.height)
			return;
		row.forEach(function (b) {
			var w = Math.max(b.w - (b.w > 3 ? 1 : 0), 0.6), label;
			if (b.small) {
				ctx.globalAlpha = 1;
				ctx.fillStyle = "#d6d6d2";
				ctx.fillRect(b.x, y, Math.max(b.w, 0.6), V.ROW - 1);
				return;
			}
			ctx.globalAlpha = b.above ? 0.45 : 1;
			if (o.hit && o.hit[b.frame])
				ctx.fillStyle = "#e600e6";
			else if (view.kinds[b.frame] === V.KIND_LOST)
				ctx.fillStyle = hatch;
			else if (o.maxDiff !== null)
				ctx.fillStyle = V.diffColor(b.total / o.whole, b.base / o.base, o.maxDiff);
			else
				ctx.fillStyle = V.frameColor(view, b.frame);
			ctx.fillRect(b.x, y, w, V.ROW - 1);
			label = b.w > 22 ? V.fit(view.names[b.frame], b.w - 7, charPx) : "";
			if (label) {
				ctx.fillStyle = o.hit && o.hit[b.frame] ? "#fff" : "#000";
				ctx.fillText(label, b.x + 3, y + V.ROW / 2);
			}
			if (b === o.selected || b === o.hover) {
				ctx.globalAlpha = 1;
				ctx.strokeStyle = "#000";
				ctx.lineWidth = b === o.selected ? 2 : 1;
				ctx.strokeRect(b.x + 0.5, y + 0.5, Math.max(w - 1, 1), V.ROW - 2);
			}
		});
	});
	ctx.globalAlpha = 1;
};
