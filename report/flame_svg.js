// SPDX-License-Identifier: BSD-2-Clause
// What moves in a flame graph written as SVG: zoom, search, hover, icicle, keyboard. Stands inside CDATA, so it never
// holds the end mark of one. All numbers come from data-s (where a frame begins), data-t (its total) and data-d (depth).
(function () {
	"use strict";
	var svg = document.documentElement;
	var area = document.getElementById("frames");
	var opt = area.dataset;
	var W = +opt.width, H = +opt.height, TOP = +opt.top, PAD = +opt.pad, LEVELS = +opt.levels, CHAR = +opt.char;
	var icicle = opt.icicle === "1";
	var frames = Array.prototype.map.call(area.children, function (g, i) {
		var name = g.getAttribute("data-n");
		var rect = g.querySelector("rect"), text = g.querySelector("text");
		return {
			g: g, rect: rect, text: text, title: g.querySelector("title").textContent, i: i,
			name: name === null ? text.textContent : name,
			s: +g.dataset.s, t: +g.dataset.t, d: +g.dataset.d, fill: rect.getAttribute("fill"),
		};
	});
	var root = frames[0], focus = root, current = null, pattern = null;
	var details = document.getElementById("details"), matched = document.getElementById("matched");
	var reset = document.getElementById("reset"), search = document.getElementById("search");
	var box = null;

	function y_of(d) {
		return icicle ? TOP + d * H : TOP + (LEVELS - 1 - d) * H;
	}

	function fit(name, w) {
		var n = Math.floor((w - 6) / CHAR);
		if (n >= name.length)
			return name;
		return n < 3 ? "" : name.slice(0, n - 2) + "..";
	}

	function is_ancestor(f) {
		return f.d < focus.d && f.s <= focus.s && f.s + f.t >= focus.s + focus.t;
	}

	// What is said stands by the roots, where the picture opens.
	function place_words() {
		var y = icicle ? TOP - 10 : TOP + LEVELS * H + 26;
		details.setAttribute("y", y);
		matched.setAttribute("y", y);
	}

	function draw() {
		var scale = (W - 2 * PAD) / focus.t;
		frames.forEach(function (f) {
			var above = is_ancestor(f);
			var x = above ? PAD : PAD + (f.s - focus.s) * scale;
			var w = above ? W - 2 * PAD : f.t * scale;
			var inside = above || (f.d >= focus.d && f.s >= focus.s && f.s + f.t <= focus.s + focus.t);
			if (!inside || w < 0.1) {
				f.g.style.display = "none";
				return;
			}
			f.g.style.display = "";
			f.g.style.opacity = above ? 0.45 : 1;
			f.rect.setAttribute("x", x);
			f.rect.setAttribute("width", w);
			f.rect.setAttribute("y", y_of(f.d));
			f.text.setAttribute("x", x + 3);
			f.text.setAttribute("y", y_of(f.d) + H - 4.5);
			f.text.textContent = fit(f.name, w);
		});
		reset.style.display = focus === root ? "none" : "";
		place_words();
	}

	function zoom(f) {
		focus = f;
		draw();
		show(f);
	}

	function show(f) {
		details.textContent = f ? f.title : " ";
	}

	function select(f) {
		if (current)
			current.rect.removeAttribute("stroke");
		current = f;
		if (f) {
			f.rect.setAttribute("stroke", "#000");
			show(f);
		}
	}

	// All-lower-case patterns ignore case; what is no valid expression is looked for as it stands.
	function expression(s) {
		var flags = s === s.toLowerCase() ? "i" : "";
		try {
			return new RegExp(s, flags);
		} catch (e) {
			return new RegExp(s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
		}
	}

	// Nested matches count once: frames stand in preorder, so what begins before the last counted one ends lies inside it.
	function find(s) {
		var sum = 0, end = -1;
		pattern = s ? expression(s) : null;
		frames.forEach(function (f) {
			var hit = pattern && f !== root && pattern.test(f.name);
			f.rect.setAttribute("fill", hit ? "#e600e6" : f.fill);
			if (hit && f.s >= end) {
				sum += f.t;
				end = f.s + f.t;
			}
		});
		matched.textContent = pattern ? "Matched: " + (100 * sum / root.t).toFixed(2) + "%" : "";
	}

	function close_search(keep) {
		if (!box)
			return;
		svg.removeChild(box);
		box = null;
		if (!keep)
			find("");
	}

	function open_search() {
		var ns = "http://www.w3.org/1999/xhtml";
		var input;
		if (box)
			return;
		box = document.createElementNS("http://www.w3.org/2000/svg", "foreignObject");
		box.setAttribute("x", W - 330);
		box.setAttribute("y", 4);
		box.setAttribute("width", 250);
		box.setAttribute("height", 28);
		input = document.createElementNS(ns, "input");
		input.setAttribute("type", "text");
		input.setAttribute("id", "query");
		input.setAttribute("aria-label", "search by regular expression");
		input.setAttribute("placeholder", "search (regular expression)");
		input.setAttribute("style", "width:236px;box-sizing:border-box;font:12px sans-serif;padding:2px 4px");
		input.addEventListener("input", function () { find(input.value); });
		input.addEventListener("keydown", function (e) {
			e.stopPropagation();
			if (e.key === "Escape")
				close_search(false);
			else if (e.key === "Enter")
				close_search(true);
		});
		box.appendChild(input);
		svg.appendChild(box);
		input.focus();
	}

	function parent_of(f) {
		for (var i = f.i - 1; i >= 0; i--)
			if (frames[i].d === f.d - 1)
				return frames[i];
		return null;
	}

	function is_drawn(f) {
		return f && f.g.style.display !== "none";
	}

	// The next frame from f in a direction: parent and first child, or the nearest on the same level.
	function neighbour(f, key) {
		var up = icicle ? "ArrowDown" : "ArrowUp", step, i;
		if (key === "ArrowLeft" || key === "ArrowRight") {
			step = key === "ArrowLeft" ? -1 : 1;
			for (i = f.i + step; frames[i]; i += step)
				if (frames[i].d === f.d && is_drawn(frames[i]))
					return frames[i];
			return null;
		}
		if (key !== up)
			return parent_of(f);
		for (i = f.i + 1; frames[i] && frames[i].d > f.d; i++)
			if (is_drawn(frames[i]))
				return frames[i];
		return null;
	}

	function on_key(e) {
		var next;
		if (e.key === "/" || ((e.ctrlKey || e.metaKey) && e.key === "f")) {
			e.preventDefault();
			open_search();
		} else if (e.ctrlKey || e.metaKey || e.altKey) {
			return;
		} else if (e.key === "Escape") {
			close_search(false);
			find("");
			select(null);
			zoom(root);
		} else if (e.key === "0" || e.key === "Home") {
			zoom(root);
		} else if (e.key === "i") {
			icicle = !icicle;
			draw();
		} else if (e.key === "Enter" && current) {
			zoom(current);
		} else if (e.key === "Backspace" && focus !== root) {
			zoom(parent_of(focus));
		} else if (/^Arrow/.test(e.key)) {
			e.preventDefault();
			next = current && is_drawn(current) ? neighbour(current, e.key) : focus;
			if (next)
				select(next);
		}
	}

	function frame_at(target) {
		while (target && target.parentNode !== area)
			target = target.parentNode;
		return target ? frames[Array.prototype.indexOf.call(area.children, target)] : null;
	}

	area.addEventListener("mouseover", function (e) {
		var f = frame_at(e.target);
		if (f)
			show(f);
	});
	area.addEventListener("mouseout", function () { show(current); });
	area.addEventListener("click", function (e) {
		var f = frame_at(e.target);
		if (f)
			zoom(f);
	});
	reset.addEventListener("click", function () { zoom(root); });
	search.addEventListener("click", open_search);
	document.getElementById("flip").addEventListener("click", function () {
		icicle = !icicle;
		draw();
	});
	window.addEventListener("keydown", on_key);
	reset.style.display = "none";
	if (!icicle && svg.getBoundingClientRect().height > window.innerHeight)
		window.scrollTo(0, svg.getBoundingClientRect().height); // deep stacks: begin at the roots
	document.getElementById("menu").style.display = "";
})();
