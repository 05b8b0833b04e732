// SPDX-License-Identifier: MIT
// curve.js: what is mapped over time, and what the tables for it take; on the heat map's x.

/** For each of a plot's columns the least and the most of value(row) in it, rows being events of a type. */
function columnsOf(type, value, width) {
	const { x0, x1 } = heat.view, low = new Float64Array(width), high = new Float64Array(width);
	let row = upTo(c.of[type], eventsUpTo(x0) - 1);
	let now = row ? value(row - 1) : 0;
	for (let x = 0; x < width; x++) {
		const end = upTo(c.of[type], eventsUpTo(x0 + (x + 1) / width * (x1 - x0)) - 1);
		low[x] = high[x] = now;
		for (; row < end; row++) {
			now = value(row);
			low[x] = Math.min(low[x], now);
			high[x] = Math.max(high[x], now);
		}
	}
	return { low, high };
}

function mostOf(n, value) {
	let most = 1;
	for (let i = 0; i < n; i++)
		most = Math.max(most, value(i));
	return most;
}

const pagesAt = (row) => c.e_pages[row];
const anonAt = (row) => c.e_anon[row];
const tablesAt = (row) => replay.levels[1][row] + replay.levels[2][row] + replay.levels[3][row] + replay.levels[4][row];

function drawLine(g, { low, high }, left, top, height, most, style, dash = []) {
	const y = (v) => top + height - v / most * (height - 3) - 1;
	g.strokeStyle = g.fillStyle = style;
	g.lineWidth = 1.5;
	g.setLineDash(dash);
	g.beginPath();
	for (let x = 0; x < low.length; x++) {
		if (high[x] !== low[x]) {
			g.lineTo(left + x + 0.5, y(low[x]));
			g.lineTo(left + x + 0.5, y(high[x]));
		}
		g.lineTo(left + x + 0.5, y(x + 1 < low.length && low[x + 1] === low[x] ? low[x] : high[x]));
	}
	g.stroke();
	g.setLineDash([]);
	g.lineWidth = 1;
}

function curveLabel(g, y, text, most, style, dash) {
	g.fillStyle = style;
	for (let x = 0; x < 14; x += dash ? 5 : 1)
		g.fillRect(x, y - 1, dash ? 3 : 1, 2);
	g.textAlign = "left";
	g.fillStyle = colour("fg");
	g.fillText(text, 18, y);
	g.textAlign = "right";
	g.fillStyle = colour("muted");
	g.fillText(most, GUTTER - 6, y);
}

const CURVE_SPLIT = 84;

function drawCurve() {
	const [g, , h] = contextOf($("curve-canvas")), p = plot(), width = Math.floor(p.width);
	const lower = h - CURVE_SPLIT;
	curve.pages ??= mostOf(c.e_pages.length, pagesAt);
	curve.tables ??= mostOf(c.t_table.length, tablesAt);
	g.strokeStyle = colour("line");
	g.strokeRect(p.left - 0.5, 0.5, p.width + 1, CURVE_SPLIT - 5);
	g.strokeRect(p.left - 0.5, CURVE_SPLIT + 0.5, p.width + 1, lower - 1.5);
	drawLine(g, columnsOf(ENTRIES, pagesAt, width), p.left, 0, CURVE_SPLIT - 5, curve.pages, colour("kind-1"));
	drawLine(g, columnsOf(ENTRIES, anonAt, width), p.left, 0, CURVE_SPLIT - 5, curve.pages, colour("kind-0"), [4, 2]);
	drawLine(g, columnsOf(TABLE, tablesAt, width), p.left, CURVE_SPLIT, lower, curve.tables, colour("kind-3"));
	curveLabel(g, 10, "entries", bytes(curve.pages * PAGE), colour("kind-1"), false);
	curveLabel(g, 26, "anonymous", "", colour("kind-0"), true);
	curveLabel(g, CURVE_SPLIT + 10, "tables", bytes(curve.tables * PAGE), colour("kind-3"), false);
}

const curve = { pages: null, tables: null };

function drawCurveOver() {
	const [g, w, h] = contextOf($("curve-over")), p = plot();
	const x = Math.round(fromX(xOf(state.event), p));
	g.fillStyle = colour("accent");
	if (x >= p.left && x <= w)
		g.fillRect(x, 0, 1, h);
	const entries = upTo(c.of[ENTRIES], state.event), tables = upTo(c.of[TABLE], state.event);
	const pages = entries ? pagesAt(entries - 1) : 0, anon = entries ? anonAt(entries - 1) : 0;
	const n = tables ? tablesAt(tables - 1) : 0;
	$("curve-status").textContent = `entries map ${plural(pages, "page")} (${bytes(pages * PAGE)}), ${count(anon)} of them anonymous (${bytes(anon * PAGE)}); ${plural(n, "table")} (${bytes(n * PAGE)})`;
}
