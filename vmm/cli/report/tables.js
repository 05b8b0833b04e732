// SPDX-License-Identifier: MIT
// tables.js: the four tables on the way to the address, 512 slots each, after the event.

const WIDE = 32, HIGH = SLOTS / WIDE;
const panels = []; // by level: { level, canvas, title, text, table, state, chosen }

function startTables() {
	for (let level = 4; level > 0; level--) {
		const name = LEVELS[level];
		const canvas = element("canvas", { tabIndex: 0, role: "application", "aria-roledescription": "grid of 512 slots", "aria-label": `${name} table`, "aria-describedby": `slot-${name}`, id: `table-${name}` });
		const title = element("h3", {}), text = element("p", { id: `slot-${name}`, "aria-live": "polite" });
		const panel = { level, canvas, title, text, table: -1, state: null, chosen: 0 };
		panels[level] = panel;
		canvas.addEventListener("click", (event) => {
			const r = canvas.getBoundingClientRect();
			const x = Math.floor((event.clientX - r.left) / r.width * WIDE), y = Math.floor((event.clientY - r.top) / r.height * HIGH);
			chooseSlot(panel, Math.max(0, Math.min(SLOTS - 1, y * WIDE + x)));
		});
		canvas.addEventListener("keydown", (event) => slotKeys(panel, event));
		$("tables").append(element("div", { className: "level" }, title, canvas, text));
	}
}

function slotKeys(panel, event) {
	const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -WIDE, ArrowDown: WIDE, Home: -SLOTS, End: SLOTS, PageUp: -4 * WIDE, PageDown: 4 * WIDE }[event.key];
	if (event.ctrlKey || event.altKey || event.metaKey)
		return;
	if (by !== undefined)
		chooseSlot(panel, Math.max(0, Math.min(SLOTS - 1, panel.chosen + by)));
	else if (event.key === "Enter" && panels[panel.level - 1]?.table >= 0)
		panels[panel.level - 1].canvas.focus();
	else if (event.key === "Enter")
		$("walk").scrollIntoView({ block: "nearest" });
	else if (event.key === "Backspace" && panel.level < 4)
		panels[panel.level + 1].canvas.focus();
	else
		return;
	event.preventDefault();
}

/** The slot's first address; below it the first slots that are in use. */
function chooseSlot(panel, index) {
	if (panel.table < 0)
		return;
	let gva = big(c.i_gva, panel.table) + (BigInt(index) << BigInt(shiftOf(panel.level)));
	let entry = entryOf(panel.state, index);
	for (let level = panel.level; level > 1 && entry & 1n && !isLeaf(entry, level);) {
		const table = tableAt(Number(entry & ADDRESS), state.event);
		if (table < 0)
			break;
		const s = entriesAt(table, state.event);
		const first = Math.max(0, s.low.findIndex((low, i) => low & 1));
		level--;
		gva += BigInt(first) << BigInt(shiftOf(level));
		entry = entryOf(s, first);
	}
	setAddress(gva >> 47n & 1n ? gva | 0xffffn << 48n : gva);
}

/** From which event on the changes belong to the fault or call at this event. */
function changesSince(event) {
	const type = c.ev_type[event];
	if (type !== CALL && type !== FAULT)
		return event;
	while (event > 0 && c.ev_type[event - 1] !== CALL && c.ev_type[event - 1] !== FAULT && c.ev_type[event - 1] !== SIGNAL)
		event--;
	return event;
}

const accessBits = (entry) => (entry & 4n ? 1 : 0) | (entry & 2n && entry & 4n ? 2 : 0) | (entry & 4n && !(entry >> 63n) ? 4 : 0);

function slotColour(level, entry, used) {
	if (!(entry & 1n))
		return entry ? colours.r : colours.none;
	if (isLeaf(entry, level)) {
		const bits = accessBits(entry);
		return bits & 4 ? bits & 2 ? colours.rwx : colours.rx : bits & 2 ? colours.rw : colours.r;
	}
	return css(mix(colours.low, colours.high, used < 0 ? 0 : Math.log2(Math.max(1, used)) / 9));
}

let colours = null;
const css = (p) => `rgb(${p & 255} ${p >> 8 & 255} ${p >> 16 & 255})`;
function slotColours() {
	return { none: colour("slot-none"), r: colour("page-r"), rx: colour("page-rx"), rw: colour("page-rw"), rwx: colour("page-rwx"),
		low: pixel(colour("slot-table-0")), high: pixel(colour("slot-table-1")), fresh: colour("slot-new"), mark: colour("fg") };
}

function drawTable(panel, since) {
	const { canvas, table, level } = panel, wide = canvas.clientWidth;
	canvas.style.height = `${Math.floor(wide / WIDE) * HIGH}px`;
	const [g, w, h] = contextOf(canvas), side = w / WIDE, tall = h / HIGH;
	const ratio = devicePixelRatio || 1, snap = (v) => Math.round(v * ratio) / ratio;
	for (let i = 0; i < SLOTS; i++) {
		const entry = table < 0 ? 0n : entryOf(panel.state, i);
		const x = snap(i % WIDE * side), y = snap(Math.floor(i / WIDE) * tall);
		const cw = snap((i % WIDE + 1) * side) - x - 1, ch = snap((Math.floor(i / WIDE) + 1) * tall) - y - 1;
		let used = -1;
		if (entry & 1n && !isLeaf(entry, level)) {
			const child = tableAt(Number(entry & ADDRESS), state.event);
			used = child < 0 ? -1 : usedAt(child, state.event);
		}
		g.fillStyle = slotColour(level, entry, used);
		g.globalAlpha = table < 0 ? 0.4 : 1;
		g.fillRect(x, y, cw, ch);
		const by = table < 0 ? 0 : panel.state.by[i];
		if (by && c.of[ENTRIES][by - 1] >= since) {
			g.strokeStyle = colours.fresh;
			g.lineWidth = 1.5;
			g.strokeRect(x + 0.75, y + 0.75, cw - 1.5, ch - 1.5);
		}
	}
	g.globalAlpha = 1;
	if (table < 0)
		return;
	g.strokeStyle = colours.mark;
	g.lineWidth = 2;
	g.strokeRect(snap(panel.chosen % WIDE * side) - 0.5, snap(Math.floor(panel.chosen / WIDE) * tall) - 0.5, side, tall);
}

/** "gpa 0x100005000, 2 of 512 used": what the slot leads to. */
function slotText(panel) {
	if (panel.table < 0)
		return "no table";
	const { level, chosen } = panel, entry = entryOf(panel.state, chosen);
	const gva = big(c.i_gva, panel.table) + (BigInt(chosen) << BigInt(shiftOf(level)));
	const where = `[${String(chosen).padStart(3)}] gva ${hexNum(gva)}, ${bytes(2 ** shiftOf(level))}`;
	if (!(entry & 1n))
		return `${where}\n${entry ? hexNum(entry) + ", " : ""}not present`;
	const to = entry & ADDRESS;
	if (isLeaf(entry, level))
		return `${where}\n${flagsOf(entry, level)} → frame gpa ${hexNum(to)}`;
	const child = tableAt(Number(to), state.event);
	return `${where}\n${flagsOf(entry, level)} → ${LEVELS[level - 1]} gpa ${hexNum(to)}${child < 0 ? "" : `, ${usedAt(child, state.event)} used`}`;
}

function drawTables() {
	const since = changesSince(state.event);
	colours = slotColours();
	let table = pgdAt(state.event);
	for (let level = 4; level > 0; level--) {
		const panel = panels[level];
		panel.table = table;
		panel.state = table < 0 ? null : entriesAt(table, state.event);
		panel.chosen = state.gva === null ? 0 : indexOf(state.gva, level);
		panel.title.replaceChildren(LEVELS[level], " ", element("small", {}, table < 0 ? "" : `gpa ${hex(c.i_gpa, table)}, ${usedAt(table, state.event)} of 512 used`));
		drawTable(panel, since);
		const text = slotText(panel);
		if (panel.text.textContent !== text)
			panel.text.textContent = text;
		const entry = table < 0 ? 0n : entryOf(panel.state, panel.chosen);
		table = entry & 1n && !isLeaf(entry, level) ? tableAt(Number(entry & ADDRESS), state.event) : -1;
	}
	const row = upTo(c.of[TABLE], state.event) - 1;
	const n = [4, 3, 2, 1].map((level) => `${LEVELS[level]} ${row < 0 ? 0 : count(replay.levels[level][row])}`);
	$("tables-count").textContent = n.join(", ");
}
