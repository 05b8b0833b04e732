// SPDX-License-Identifier: MIT
// replay.js: what there was at a moment, that is, after an event: VMAs, tables, entries, walks.
//
// A table's content is replayed from its own events only, from the nearest of the states that were kept
// each KEEP of them; so any moment is there at once. VMAs and tables carry the events that they came
// and went with: to find those of a moment is one pass over two columns.

const KEEP = 4096;
const SLOTS = 512;
const ADDRESS = 0x000ffffffffff000n; // of an entry: SDM vol. 3A, 4.5
const FLAGS = [[0, "P"], [1, "W"], [2, "U"], [3, "PWT"], [4, "PCD"], [5, "A"], [6, "D"], [7, "PS"], [8, "G"], [63, "NX"]];

const replay = {
	from: null, // by table: where its rows of entries begin in rows
	rows: null, // rows of entries, table by table
	kept: new Map(), // table: states
	at: new Map(), // gpa: tables that ever lay there, in their order
	levels: [], // by level: tables that exist, after each row of table
};

async function indexTables() {
	const tables = c.i_level.length, n = c.e_table.length;
	replay.from = new Uint32Array(tables + 1);
	replay.rows = new Uint32Array(n);
	await each(n, (row) => replay.from[c.e_table[row] + 1]++);
	for (let i = 0; i < tables; i++)
		replay.from[i + 1] += replay.from[i];
	const next = replay.from.slice();
	await each(n, (row) => { replay.rows[next[c.e_table[row]]++] = row; });
	await each(tables, (table) => {
		const gpa = num(c.i_gpa, table), there = replay.at.get(gpa);
		if (there)
			there.push(table);
		else
			replay.at.set(gpa, [table]);
	});
	const count = [0, 0, 0, 0, 0];
	replay.levels = count.map(() => new Uint32Array(c.t_table.length));
	await each(c.t_table.length, (row) => {
		const level = c.i_level[c.t_table[row]];
		count[level] += c.t_made[row] ? 1 : count[level] ? -1 : 0;
		for (let i = 1; i <= 4; i++)
			replay.levels[i][row] = count[i];
	});
}

const alive = (born, died, i, event) => born[i] <= event && event < died[i];

/** The table that lies at a gpa (a double); -1: none that the trace knows. */
function tableAt(gpa, event) {
	const there = replay.at.get(gpa) ?? [];
	for (let low = 0, high = there.length; low < high;) {
		const middle = (low + high) >>> 1;
		if (alive(c.i_born, c.i_died, there[middle], event))
			return there[middle];
		if (c.i_born[there[middle]] <= event)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

function pgdAt(event) {
	return c.i_level.findIndex((level, i) => level === 4 && alive(c.i_born, c.i_died, i, event));
}

/** How many of a table's rows of entries are not later than the event. */
function rowsUpTo(table, event) {
	let low = replay.from[table], high = replay.from[table + 1];
	const first = low;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (c.of[ENTRIES][replay.rows[middle]] <= event)
			low = middle + 1;
		else
			high = middle;
	}
	return low - first;
}

function usedAt(table, event) {
	const n = rowsUpTo(table, event);
	return n ? c.e_used[replay.rows[replay.from[table] + n - 1]] : 0;
}

/** Entry by entry: the two halves of its value, and the row of entries that wrote it last, + 1. */
const newState = () => ({ low: new Uint32Array(SLOTS), high: new Uint32Array(SLOTS), by: new Uint32Array(SLOTS) });

function writeEntries(state, row) {
	let low = c.e_value[2 * row], high = c.e_value[2 * row + 1];
	const stepLow = c.e_step[2 * row], stepHigh = c.e_step[2 * row + 1];
	for (let i = c.e_index[row], end = i + c.e_n[row]; i < end; i++) {
		state.low[i] = low;
		state.high[i] = high;
		state.by[i] = row + 1;
		const sum = low + stepLow;
		low = sum >>> 0;
		high = (high + stepHigh + (sum >= BIT32 ? 1 : 0)) >>> 0;
	}
}

const copyState = (s) => ({ low: s.low.slice(), high: s.high.slice(), by: s.by.slice() });

/** A table's state after the event; the caller's. */
function entriesAt(table, event) {
	const n = rowsUpTo(table, event), first = replay.from[table];
	const kept = replay.kept.get(table) ?? [newState()];
	replay.kept.set(table, kept);
	let i = Math.min(Math.floor(n / KEEP), kept.length - 1);
	const state = copyState(kept[i]);
	for (i *= KEEP; i < n; i++) {
		writeEntries(state, replay.rows[first + i]);
		if ((i + 1) % KEEP === 0 && (i + 1) / KEEP === kept.length)
			kept.push(copyState(state));
	}
	return state;
}

const entryOf = (state, i) => BigInt(state.high[i]) << 32n | BigInt(state.low[i]);
const shiftOf = (level) => 12 + 9 * (level - 1);
const indexOf = (gva, level) => Number(gva >> BigInt(shiftOf(level)) & 511n);
const isLeaf = (entry, level) => level === 1 || (level < 4 && (entry & 0x80n) !== 0n);

/** "P W U A D NX", as `mapvisor walk` prints it: D says something in leaves only. */
function flagsOf(entry, level) {
	return FLAGS.filter(([bit, name]) => entry >> BigInt(bit) & 1n && (name !== "D" || isLeaf(entry, level)))
		.map(([, name]) => name === "PS" && level === 1 ? "PAT" : name).join(" ");
}

/** "rw-" */
const accessOf = (bits) => (bits & 1 ? "r" : "-") + (bits & 2 ? "w" : "-") + (bits & 4 ? "x" : "-");

/** The four steps for a gva (a BigInt) after the event. */
function walkAt(gva, event) {
	const walk = { gva, steps: [], present: false, missing: false };
	let table = pgdAt(event), may = 7;
	for (let level = 4; level > 0; level--) {
		if (table < 0) {
			walk.missing = true; // the trace doesn't say what lies there
			return walk;
		}
		const index = indexOf(gva, level), state = entriesAt(table, event), entry = entryOf(state, index);
		walk.steps.push({ level, index, table, gpa: big(c.i_gpa, table), entry, by: state.by[index] });
		if (!(entry & 1n))
			return walk;
		may &= (entry & 4n ? 1 : 0) | (entry & 4n && entry & 2n ? 2 : 0) | (entry & 4n && !(entry >> 63n) ? 4 : 0);
		if (isLeaf(entry, level)) {
			walk.size = 1n << BigInt(shiftOf(level));
			walk.frame = entry & ADDRESS & ~(walk.size - 1n);
			walk.page = walk.frame + (gva & (walk.size - 1n));
			walk.access = accessOf(may);
			walk.present = true;
			return walk;
		}
		table = tableAt(Number(entry & ADDRESS), event);
	}
	return walk;
}

/** The VMAs after the event, by address: rows of v_*. */
function vmasAt(event) {
	const list = [], n = upTo(c.l_born, event);
	for (let i = 0; i < n; i++)
		if (event < c.l_died[i])
			list.push(c.l_vma[i]);
	return list.sort((a, b) => num(c.v_start, a) - num(c.v_start, b));
}
