// SPDX-License-Identifier: MIT
// data.js: the trace as it lies in the page, made into columns (vmm/cli/report_pack.h names them), and
// what else is computed once. All of it in pieces, so that the page never stalls.

const NONE = 0xffffffff;
const PIECE = 1 << 13; // rows, after which the clock is looked at
const TURN = 12; // ms, after which the page may do something else
const CALL = 0, FAULT = 1, VIOLATION = 2, TABLE = 3, ENTRIES = 4, VMA = 5, SIGNAL = 6, END = 7;
const TYPES = ["call", "fault", "violation", "table", "entries", "vma", "signal", "end"];
const LEVELS = ["", "pte", "pmd", "pud", "pgd"];
const BIT32 = 2 ** 32;
const PAGE = 4096;

const $ = (id) => document.getElementById(id);

/** Let the page react, then go on. */
const pause = globalThis.scheduler?.yield ? () => scheduler.yield() : () => new Promise((go) => setTimeout(go));

/** Call step(i) for 0 to n - 1, in pieces. */
async function each(n, step) {
	let turn = performance.now() + TURN;
	for (let i = 0; i < n;) {
		const end = Math.min(n, i + PIECE);
		for (; i < end; i++)
			step(i);
		if (performance.now() < turn)
			continue;
		await pause();
		turn = performance.now() + TURN;
	}
}

/** The columns by name; u64 are two u32, the low one first. c.n has the events. */
const c = {};
let meta = null;

const fromBase64 = (text) => Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (ch) => ch.charCodeAt(0));

async function inflate(text) {
	const piece = 1 << 18;
	let at = 0;
	const source = new ReadableStream({
		async pull(to) {
			const part = text.slice(at, at + piece);
			at += piece;
			if (part)
				to.enqueue(fromBase64(part));
			else
				to.close();
			await pause();
		},
	});
	const parts = [];
	let size = 0;
	const from = source.pipeThrough(new DecompressionStream("deflate")).getReader();
	for (;;) {
		const { done, value } = await from.read();
		if (done)
			break;
		parts.push(value);
		size += value.length;
	}
	const all = new Uint8Array(size);
	size = 0;
	for (const part of parts) {
		all.set(part, size);
		size += part.length;
	}
	return all;
}

async function readColumns() {
	const element = $("data");
	const bytes = await inflate(element.textContent.trim());
	element.remove();
	const length = new DataView(bytes.buffer).getUint32(0, true);
	meta = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
	let at = 8 + Math.ceil(length / 8) * 8;
	const make = { u8: [Uint8Array, 1], u16: [Uint16Array, 1], u32: [Uint32Array, 1], u64: [Uint32Array, 2], f64: [Float64Array, 1] };
	for (const { name, type, rows } of meta.columns) {
		const [array, each] = make[type];
		c[name] = new array(bytes.buffer, at, rows * each);
		at += Math.ceil(c[name].byteLength / 8) * 8;
	}
	c.n = c.ev_type.length;
}

/** For each event: its row among those of its type, its seq, and the latest t up to it. */
async function indexEvents() {
	c.row = new Uint32Array(c.n);
	c.seq = new Float64Array(c.n);
	c.t = new Float64Array(c.n);
	c.of = TYPES.map(() => 0);
	await each(c.n, (i) => c.of[c.ev_type[i]]++);
	c.of = c.of.map((n) => new Uint32Array(n)); // by type and row: the event
	const rows = TYPES.map(() => 0);
	let seq = 0, t = 0;
	await each(c.n, (i) => {
		const type = c.ev_type[i];
		c.of[type][rows[type]] = i;
		c.row[i] = rows[type]++;
		c.seq[i] = seq += c.ev_gap[i];
		c.t[i] = t = Math.max(t, c.ev_t[i]);
	});
}

/** What a u64 column has in a row: as a double (exact below 2^53), as a BigInt, as text. */
const num = (column, row) => column[2 * row + 1] * BIT32 + column[2 * row];
const big = (column, row) => BigInt(column[2 * row + 1]) << 32n | BigInt(column[2 * row]);
const hexNum = (n) => "0x" + n.toString(16);
const hex = (column, row) => hexNum(big(column, row));

const decoder = new TextDecoder();
function str(id) {
	if (id === NONE)
		return "";
	return decoder.decode(c.s_bytes.subarray(id ? c.s_end[id - 1] : 0, c.s_end[id]));
}

/** "name+0x12" of a gva with the number of its symbol. */
function symbol(id, gva) {
	if (id === NONE)
		return "";
	const offset = gva - big(c.y_base, id);
	return str(c.y_name[id]) + (offset ? "+" + hexNum(offset) : "");
}

/** How many of a sorted column come before x, that is, are not above it. */
function upTo(column, x, n = column.length) {
	let low = 0, high = n;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (column[middle] <= x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
