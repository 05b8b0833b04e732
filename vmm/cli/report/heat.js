// SPDX-License-Identifier: MIT
// heat.js: faults by address and time. y is the part of the address space that was ever used: what no
// fault touched, and holes, are squeezed, so that a page of text and a GiB of heap both can be seen.

const GUTTER = 176, AXIS = 18;
const NEAR = 16; // pages: touched places that lie closer together are one piece
const FEW = 5000; // faults in view that are drawn one by one
const PIECE_HOLE = 0, PIECE_TOUCHED = 1, PIECE_IDLE = 2;

const heat = {
	pieces: null, // { from, to, y0, y1, what, n }: addresses upwards; y from 0 (lowest) to 1
	y: null, // of each fault
	vmaLow: null, // of each VMA, its first and its last address
	vmaHigh: null,
	names: null, // of pieces
	view: { x0: 0, x1: 1, y0: 0, y1: 1 },
	axis: "time",
	colour: "kind",
	cell: 3, // device pixels
};

/** The union of ranges: [from, to, from, to, ...]. */
function union(starts, ends) {
	starts.sort();
	ends.sort();
	const list = [];
	for (let i = 0, j = 0, open = 0; j < ends.length;) {
		if (i < starts.length && starts[i] <= ends[j]) {
			if (!open++)
				list.push(starts[i]);
			i++;
		} else if (!--open) {
			list.push(ends[j++]);
			continue;
		} else {
			j++;
		}
	}
	return list;
}

/** All places of VMAs and of faults, and within them what was touched: [[from, to, what], ...]. */
function cutSpace(pages) {
	const outside = [], n = c.v_start.length / 2;
	for (let i = 0; i < c.f_kind.length; i++)
		if (c.f_vma[i] === NONE)
			outside.push(Math.floor(num(c.f_gva, i) / PAGE) * PAGE);
	const starts = new Float64Array(n + outside.length), ends = new Float64Array(n + outside.length);
	for (let i = 0; i < n; i++) {
		starts[i] = num(c.v_start, i);
		ends[i] = num(c.v_end, i);
	}
	outside.forEach((at, i) => { starts[n + i] = at; ends[n + i] = at + PAGE; });
	const used = union(starts, ends), list = [];
	let p = 0;
	for (let i = 0; i < used.length; i += 2) {
		let at = used[i];
		const end = used[i + 1];
		if (list.length)
			list.push([used[i - 1], at, PIECE_HOLE]);
		while (p < pages.length && pages[p] * PAGE < at)
			p++;
		while (p < pages.length && pages[p] * PAGE < end) {
			const from = p;
			while (p + 1 < pages.length && pages[p + 1] * PAGE < end && pages[p + 1] - pages[p] <= NEAR)
				p++;
			let low = pages[from] * PAGE, high = pages[p] * PAGE + PAGE;
			if (low - at <= NEAR * PAGE)
				low = at;
			if (end - high <= NEAR * PAGE)
				high = end;
			if (low > at)
				list.push([at, low, PIECE_IDLE]);
			list.push([low, high, PIECE_TOUCHED]);
			at = high;
			p++;
		}
		if (at < end)
			list.push([at, end, PIECE_IDLE]);
	}
	return list;
}

async function layOut() {
	const n = c.f_kind.length, pages = new Float64Array(n);
	await each(n, (i) => { pages[i] = Math.floor(num(c.f_gva, i) / PAGE); });
	pages.sort();
	await pause();
	const list = cutSpace(pages);
	const touched = list.reduce((sum, [from, to, what]) => sum + (what === PIECE_TOUCHED ? (to - from) / PAGE : 0), 0) || 1;
	const least = touched * Math.min(0.03, 0.6 / Math.max(1, list.length));
	const weight = list.map(([from, to, what]) => what === PIECE_TOUCHED ? Math.max(least * 2, (to - from) / PAGE) : what === PIECE_IDLE ? least : least * 0.6);
	const sum = weight.reduce((a, b) => a + b, 0) || 1;
	let y = 0;
	const of = (i) => list[i];
	heat.pieces = {
		n: list.length,
		from: Float64Array.from(list, (_, i) => of(i)[0]),
		to: Float64Array.from(list, (_, i) => of(i)[1]),
		what: Uint8Array.from(list, (_, i) => of(i)[2]),
		y0: new Float64Array(list.length),
		y1: new Float64Array(list.length),
	};
	weight.forEach((w, i) => { heat.pieces.y0[i] = y / sum; y += w; heat.pieces.y1[i] = y / sum; });
	heat.y = new Float32Array(n);
	await each(n, (i) => { heat.y[i] = yOf(num(c.f_gva, i)); });
	const vmas = c.v_start.length / 2;
	heat.vmaLow = new Float32Array(vmas);
	heat.vmaHigh = new Float32Array(vmas);
	await each(vmas, (i) => {
		heat.vmaLow[i] = yOf(num(c.v_start, i));
		heat.vmaHigh[i] = yOf(num(c.v_end, i) - 1);
	});
}

function yOf(address) {
	const p = heat.pieces, i = Math.max(0, upTo(p.from, address) - 1);
	if (!p.n)
		return 0;
	return p.y0[i] + (p.y1[i] - p.y0[i]) * Math.min(1, Math.max(0, (address - p.from[i]) / (p.to[i] - p.from[i])));
}

function addressOf(y) {
	const p = heat.pieces, i = Math.max(0, upTo(p.y0, y) - 1);
	if (!p.n)
		return 0;
	return p.from[i] + (p.to[i] - p.from[i]) * Math.min(0.999999, Math.max(0, (y - p.y0[i]) / (p.y1[i] - p.y0[i])));
}

/** x of an event: ns or its number. */
const xOf = (event) => heat.axis === "time" ? c.t[event] : event;
const xEnd = () => Math.max(1, xOf(c.n - 1)) * 1.002;
/** How many events are not right of x. */
const eventsUpTo = (x) => heat.axis === "time" ? upTo(c.t, x) : Math.min(c.n, Math.max(0, Math.floor(x) + 1));

/** From the picture's place in CSS pixels to x and y, and back. */
const plot = () => ({ left: GUTTER, width: Math.max(1, $("heat").clientWidth - GUTTER - 2), height: Math.max(1, $("heat").clientHeight - AXIS) });
const toX = (px, p = plot()) => heat.view.x0 + (px - p.left) / p.width * (heat.view.x1 - heat.view.x0);
const toY = (py, p = plot()) => heat.view.y1 - py / p.height * (heat.view.y1 - heat.view.y0);
const fromX = (x, p = plot()) => p.left + (x - heat.view.x0) / (heat.view.x1 - heat.view.x0) * p.width;
const fromY = (y, p = plot()) => (heat.view.y1 - y) / (heat.view.y1 - heat.view.y0) * p.height;

/** The first fault whose event is right of x. */
function faultsUpTo(x) {
	const events = eventsUpTo(x);
	return upTo(c.of[FAULT], events - 1);
}

function bandPixels() {
	const pixels = [];
	for (let bits = 0; bits < 8; bits++)
		pixels.push(pixel(colour(bits & 4 ? bits & 2 ? "band-rwx" : "band-rx" : bits & 2 ? "band-rw" : bits ? "band-r" : "band-none")));
	return pixels;
}

/** VMAs as bands, from when they came to when they went. */
function paintBands(pixels, w, h, toColumn, toRow) {
	const band = bandPixels(), lives = upTo(c.l_born, eventsUpTo(heat.view.x1));
	const first = eventsUpTo(heat.view.x0) - 1;
	for (let i = 0; i < lives; i++) {
		const died = c.l_died[i], vma = c.l_vma[i];
		if (died !== NONE && died < first)
			continue;
		const left = Math.max(0, toColumn(xOf(c.l_born[i])));
		const right = died === NONE ? w : Math.min(w, toColumn(xOf(died)) + 1);
		const top = Math.max(0, toRow(heat.vmaHigh[vma]));
		const bottom = Math.min(h, toRow(heat.vmaLow[vma]) + 1);
		for (let row = top; row < bottom; row++)
			pixels.fill(band[c.v_bits[vma] & 7], row * w + left, row * w + right);
	}
}

/** How many faults are in each cell, and of which kind most of them are; a fatal one is always told. */
function countCells(columns, rows, w, h) {
	const counts = new Uint32Array(columns * rows), kinds = new Uint8Array(columns * rows), lead = new Uint32Array(columns * rows);
	const last = faultsUpTo(heat.view.x1), fatal = meta.kinds.length - 1;
	let most = 0;
	for (let i = Math.max(0, faultsUpTo(heat.view.x0) - 1); i < last; i++) {
		const at = cellOf(i, columns, rows, w, h), kind = c.f_kind[i];
		if (at < 0)
			continue;
		most = Math.max(most, ++counts[at]);
		if (kind === fatal || !lead[at]) {
			kinds[at] = kind;
			lead[at] = kind === fatal ? NONE : 1;
		} else if (lead[at] !== NONE) {
			lead[at] += kinds[at] === kind ? 1 : -1;
		}
	}
	return { counts, kinds, most };
}

/** Which cell of a picture of w by h pixels a fault is in; -1: none. */
function cellOf(fault, columns, rows, w, h) {
	const { view, cell } = heat;
	const column = Math.floor((xOf(c.of[FAULT][fault]) - view.x0) / (view.x1 - view.x0) * w / cell);
	const row = Math.floor((view.y1 - heat.y[fault]) / (view.y1 - view.y0) * h / cell);
	return column < 0 || column >= columns || row < 0 || row >= rows ? -1 : row * columns + column;
}

function heatPixels(most) {
	const stops = [0, 1, 2, 3].map((i) => pixel(colour("heat-" + i)));
	const scale = Math.log2(Math.max(2, most));
	return (n) => {
		const at = Math.min(2.999, Math.log2(n) / scale * 3), i = Math.floor(at);
		return mix(stops[i], stops[i + 1], at - i);
	};
}

function paintFaults(pixels, w, h, visible) {
	const { cell } = heat, columns = Math.ceil(w / cell), rows = Math.ceil(h / cell);
	const { counts, kinds, most } = countCells(columns, rows, w, h);
	const hot = heatPixels(most), kindColours = meta.kinds.map((_, i) => pixel(colour("kind-" + i)));
	const shade = heat.colour === "kind" ? (n, kind) => kindColours[kind] : hot;
	const square = (value, x, y) => {
		for (let row = Math.max(0, y); row < Math.min(h, y + cell); row++)
			pixels.fill(value, row * w + Math.max(0, x), row * w + Math.max(0, Math.min(w, x + cell)));
	};
	if (visible < FEW) { // each where it is, not where its cell is
		const { x0, x1, y0, y1 } = heat.view, last = faultsUpTo(x1), half = cell >> 1;
		for (let i = Math.max(0, faultsUpTo(x0) - 1); i < last; i++) {
			const x = (xOf(c.of[FAULT][i]) - x0) / (x1 - x0) * w, y = (y1 - heat.y[i]) / (y1 - y0) * h;
			const at = cellOf(i, columns, rows, w, h);
			if (at >= 0)
				square(shade(counts[at], kinds[at]), Math.floor(x) - half, Math.floor(y) - half);
		}
		return;
	}
	for (let at = 0; at < counts.length; at++) {
		if (!counts[at])
			continue;
		square(shade(counts[at], kinds[at]), at % columns * cell, Math.floor(at / columns) * cell);
	}
}

function drawAxisX(g, p) {
	g.fillStyle = colour("muted");
	const step = niceStep((heat.view.x1 - heat.view.x0) / Math.max(2, p.width / 84));
	for (let x = Math.ceil(heat.view.x0 / step) * step; x <= heat.view.x1; x += step) {
		const px = Math.round(fromX(x, p)) + 0.5;
		g.fillRect(px - 0.5, p.height, 1, 4);
		const text = heat.axis === "time" ? axisTime(x, step) : `#${count(Math.round(x) + 1)}`;
		g.textAlign = px > p.left + p.width - 30 ? "right" : px < p.left + 20 ? "left" : "center";
		g.fillText(text, px, p.height + 11);
	}
}

function niceStep(least) {
	const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
	return [1, 2, 5, 10].find((n) => n * power >= least) * power;
}

function axisTime(ns, step) {
	if (step >= 1e9)
		return `${ns / 1e9} s`;
	if (step >= 1e3)
		return `${(ns / 1e6).toFixed(step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : 3)} ms`;
	return `${(ns / 1e3).toFixed(step >= 100 ? 1 : 3)} µs`;
}

/** The name of the last VMA that began in the piece, or in the one below it and reaches into it. */
function nameOfPiece(i) {
	if (!heat.names) {
		heat.names = new Map();
		for (let vma = 0; vma < c.v_name.length; vma++) {
			if (c.v_name[vma] === NONE)
				continue;
			const name = baseName(str(c.v_name[vma])), at = upTo(heat.pieces.from, num(c.v_start, vma)) - 1;
			heat.names.set(at, name);
			if (heat.pieces.from[at + 1] < num(c.v_end, vma))
				heat.names.set(at + 1, name);
		}
	}
	return heat.names.get(i) ?? "";
}

function drawAxisY(g, p) {
	const { pieces } = heat;
	let free = p.height + 6;
	const clip = (text, n) => text.length > n ? text.slice(0, n - 1) + "…" : text;
	g.textAlign = "right";
	for (let i = Math.max(0, upTo(pieces.y0, heat.view.y0) - 1); i < pieces.n && pieces.y0[i] <= heat.view.y1; i++) {
		const bottom = fromY(pieces.y0[i], p), top = fromY(pieces.y1[i], p);
		if (pieces.what[i] === PIECE_HOLE) {
			g.fillStyle = colour("line");
			if (bottom - top >= 3)
				g.fillRect(p.left, Math.round((top + bottom) / 2), p.width, 1);
			continue;
		}
		if (pieces.what[i] === PIECE_IDLE && bottom - top > 3) {
			g.fillStyle = colour("line");
			for (let x = p.left; x < p.left + p.width; x += 6)
				g.fillRect(x, (top + bottom) / 2, 2, 1);
		}
		const y = Math.min(bottom - 6, p.height - 6);
		if (y > free - 12 || y < Math.max(top - 8, 4))
			continue;
		g.fillStyle = colour("fg");
		g.fillText(hexNum(pieces.from[i]), GUTTER - 6, y);
		g.fillStyle = colour("muted");
		g.textAlign = "left";
		const name = pieces.what[i] === PIECE_TOUCHED ? nameOfPiece(i) : "";
		g.fillText(clip(name, 10), 0, y);
		g.textAlign = "right";
		free = y;
	}
	drawInnerAddresses(g, p);
}

/** Where a piece is tall: addresses within it, too. */
function drawInnerAddresses(g, p) {
	const { pieces } = heat;
	g.fillStyle = colour("muted");
	for (let i = 0; i < pieces.n; i++) {
		const bottom = Math.min(p.height, fromY(pieces.y0[i], p)), top = Math.max(0, fromY(pieces.y1[i], p));
		if (pieces.what[i] !== PIECE_TOUCHED || bottom - top < 90)
			continue;
		const low = addressOf(toY(bottom, p)), high = addressOf(toY(top, p));
		const step = Math.max(PAGE, 2 ** Math.ceil(Math.log2((high - low) / ((bottom - top) / 44))));
		for (let at = Math.ceil((low + 1) / step) * step; at < high; at += step) {
			const y = fromY(yOf(at), p);
			if (y > bottom - 20 || y < top + 10 || y < 5)
				continue;
			g.fillRect(p.left - 4, y, 4, 1);
			g.fillText(hexNum(at), GUTTER - 6, y);
		}
	}
}

function drawHeat() {
	const canvas = $("heat-canvas"), [g, , , ratio] = contextOf(canvas), p = plot();
	const w = Math.round(p.width * ratio), h = Math.round(p.height * ratio);
	const visible = faultsUpTo(heat.view.x1) - faultsUpTo(heat.view.x0);
	heat.cell = Math.max(1, Math.round((visible < FEW / 10 ? 6 : visible < FEW ? 4 : visible < FEW * 10 ? 3 : 2) * ratio));
	const image = g.createImageData(w, h), pixels = new Uint32Array(image.data.buffer);
	const sx = w / (heat.view.x1 - heat.view.x0), sy = h / (heat.view.y1 - heat.view.y0);
	pixels.fill(pixel(colour("bg")));
	paintBands(pixels, w, h, (x) => Math.floor((x - heat.view.x0) * sx), (y) => Math.floor((heat.view.y1 - y) * sy));
	paintFaults(pixels, w, h, visible);
	g.putImageData(image, Math.round(p.left * ratio), 0);
	g.strokeStyle = colour("line");
	g.strokeRect(p.left - 0.5, 0.5, p.width + 1, p.height);
	drawAxisX(g, p);
	drawAxisY(g, p);
}

/** The moment, and the address that is walked. */
function drawHeatOver() {
	const [g, w] = contextOf($("heat-over")), p = plot();
	const x = Math.round(fromX(xOf(state.event), p)) + 0.5;
	g.strokeStyle = g.fillStyle = colour("accent");
	if (x >= p.left && x <= w)
		g.fillRect(x - 0.5, 0, 1, p.height);
	if (state.gva === null || state.gva >> 47n)
		return;
	const y = Math.round(fromY(yOf(Number(state.gva)), p)) + 0.5;
	if (y < 0 || y > p.height)
		return;
	g.setLineDash([4, 3]);
	g.beginPath();
	g.moveTo(p.left, y);
	g.lineTo(w, y);
	g.stroke();
	g.setLineDash([]);
	if (x >= p.left && x <= w)
		g.strokeRect(x - 5, y - 5, 10, 10);
}

function zoom(factor, x = (heat.view.x0 + heat.view.x1) / 2, y = null, fy = factor) {
	const { view } = heat, end = xEnd();
	const least = heat.axis === "time" ? 100 : 4;
	const scale = (low, high, at, by, min, max) => {
		const size = Math.min(max, Math.max(min, (high - low) * by)), part = (at - low) / (high - low);
		const from = Math.min(max - size, Math.max(0, at - size * part));
		return [from, from + size];
	};
	[view.x0, view.x1] = scale(view.x0, view.x1, x, factor, Math.min(least, end), end);
	if (y !== null)
		[view.y0, view.y1] = scale(view.y0, view.y1, y, fy, 1e-6, 1);
	redraw("heat", "curve");
}

function zoomAll() {
	heat.view = { x0: 0, x1: xEnd(), y0: 0, y1: 1 };
	redraw("heat", "curve");
}

function pan(dx, dy) {
	const { view } = heat, end = xEnd();
	dx = Math.min(end - view.x1, Math.max(-view.x0, dx));
	dy = Math.min(1 - view.y1, Math.max(-view.y0, dy));
	view.x0 += dx;
	view.x1 += dx;
	view.y0 += dy;
	view.y1 += dy;
	redraw("heat", "curve");
}

/** Move the picture so that the moment lies in it. */
function showMoment() {
	const { view } = heat, x = xOf(state.event), size = view.x1 - view.x0;
	if (x < view.x0 || x > view.x1)
		pan(x - view.x0 - size / 2, 0);
}

/** The faults of the cell at a place, as [first, how many]; -1: none. */
function faultsAt(px, py) {
	const p = plot(), reach = Math.max(4, heat.cell / (devicePixelRatio || 1));
	let found = -1, n = 0, best = Infinity;
	const last = faultsUpTo(toX(px + reach, p));
	for (let i = Math.max(0, faultsUpTo(toX(px - reach, p)) - 1); i < last; i++) {
		const dx = fromX(xOf(c.of[FAULT][i]), p) - px, dy = fromY(heat.y[i], p) - py;
		if (Math.abs(dx) > reach || Math.abs(dy) > reach)
			continue;
		n++;
		if (dx * dx + dy * dy < best) {
			best = dx * dx + dy * dy;
			found = i;
		}
	}
	return [found, n];
}

function tellHeat(px, py) {
	const x = toX(px), address = Math.floor(addressOf(toY(py)));
	const [fault, n] = faultsAt(px, py), event = Math.max(0, eventsUpTo(x) - 1);
	const vma = vmasAt(event).find((v) => num(c.v_start, v) <= address && address < num(c.v_end, v));
	let text = `${heat.axis === "time" ? ms(Math.max(0, x)) : `#${count(event + 1)}`}   ${hexNum(Math.floor(address / PAGE) * PAGE)}   `;
	text += vma === undefined ? "no VMA then" : `${vmaProt(vma)} ${str(c.v_name[vma])}`;
	if (fault >= 0)
		text += `   ${plural(n, "fault")}: ${momentText(c.of[FAULT][fault])}`;
	$("heat-status").textContent = text;
}

function clickHeat(px, py) {
	const [fault] = faultsAt(px, py);
	if (fault >= 0)
		return choose(c.of[FAULT][fault]);
	setMoment(Math.max(0, Math.min(c.n, eventsUpTo(toX(px))) - 1));
	setAddress(BigInt(Math.floor(addressOf(toY(py)) / PAGE) * PAGE));
}

/** The fault nearest above or below in the picture, and near in time. */
function faultBeside(up) {
	const here = state.gva === null ? 0.5 : yOf(Number(BigInt.asUintN(47, state.gva)));
	const p = plot(), x = fromX(xOf(state.event), p), last = faultsUpTo(heat.view.x1);
	let best = Infinity, found = -1;
	for (let i = Math.max(0, faultsUpTo(heat.view.x0) - 1); i < last; i++) {
		const dy = (heat.y[i] - here) * (up ? 1 : -1);
		if (dy <= 1e-9)
			continue;
		const far = dy * p.height / (heat.view.y1 - heat.view.y0) * 4 + Math.abs(fromX(xOf(c.of[FAULT][i]), p) - x);
		if (far < best) {
			best = far;
			found = i;
		}
	}
	if (found >= 0)
		choose(c.of[FAULT][found]);
}

function heatKeys(event) {
	const { view } = heat, dx = (view.x1 - view.x0) / 10, dy = (view.y1 - view.y0) / 10;
	const keys = event.shiftKey
		? { ArrowLeft: () => pan(-dx, 0), ArrowRight: () => pan(dx, 0), ArrowUp: () => pan(0, dy), ArrowDown: () => pan(0, -dy) }
		: { ArrowLeft: () => stepFault(-1), ArrowRight: () => stepFault(1), ArrowUp: () => faultBeside(true), ArrowDown: () => faultBeside(false), Home: () => choose(0), End: () => choose(c.n - 1) };
	if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key])
		return;
	event.preventDefault();
	keys[event.key]();
}

function startHeat() {
	const box = $("heat");
	let drag = null;
	const at = (event) => {
		const r = box.getBoundingClientRect();
		return [event.clientX - r.left, event.clientY - r.top];
	};
	box.addEventListener("pointerdown", (event) => {
		if (event.button !== 0)
			return;
		drag = { at: at(event), moved: false };
		box.setPointerCapture(event.pointerId);
	});
	box.addEventListener("pointermove", (event) => {
		const [x, y] = at(event), p = plot();
		if (!drag)
			return tellHeat(x, y);
		const [dx, dy] = [x - drag.at[0], y - drag.at[1]];
		if (!drag.moved && Math.hypot(dx, dy) < 4)
			return;
		drag.moved = true;
		drag.at = [x, y];
		pan(-dx / p.width * (heat.view.x1 - heat.view.x0), dy / p.height * (heat.view.y1 - heat.view.y0));
	});
	box.addEventListener("pointerup", (event) => {
		if (drag && !drag.moved)
			clickHeat(...at(event));
		drag = null;
	});
	box.addEventListener("pointercancel", () => { drag = null; });
	box.addEventListener("wheel", (event) => {
		event.preventDefault();
		const [x, y] = at(event), by = Math.exp(Math.max(-60, Math.min(60, event.deltaY || event.deltaX)) / 200);
		zoom(event.shiftKey ? 1 : by, toX(x), toY(y), event.shiftKey ? by : 1);
	}, { passive: false });
	box.addEventListener("keydown", heatKeys);
	$("zoom-in").addEventListener("click", () => zoom(0.5, xOf(state.event)));
	$("zoom-out").addEventListener("click", () => zoom(2, xOf(state.event)));
	$("zoom-all").addEventListener("click", zoomAll);
	for (const radio of document.querySelectorAll("input[name=axis]"))
		radio.addEventListener("change", () => { heat.axis = radio.value; zoomAll(); });
	for (const radio of document.querySelectorAll("input[name=colour]"))
		radio.addEventListener("change", () => { heat.colour = radio.value; redraw("heat"); });
}
