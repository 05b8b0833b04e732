// SPDX-License-Identifier: MIT
// text.js: numbers, times and events as text.

/** 1234567 with thin spaces. */
const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

/** "12.345678 ms": to the nanosecond, and always in ms, so that times compare by eye. */
const ms = (ns) => (ns / 1e6).toFixed(6) + " ms";

/** A duration with three significant digits or more. */
function short(ns) {
	if (ns < 1e4)
		return `${ns} ns`;
	if (ns < 1e7)
		return `${(ns / 1e3).toFixed(ns < 1e5 ? 2 : ns < 1e6 ? 1 : 0)} µs`;
	return ns < 1e10 ? `${(ns / 1e6).toFixed(ns < 1e8 ? 2 : ns < 1e9 ? 1 : 0)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** "64 KiB": exact where it can be. */
function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let unit = 0;
	for (; n >= 1024 && unit < 5; unit++)
		n /= 1024;
	return `${Number.isInteger(n) ? n : n.toFixed(n < 10 ? 2 : 1)} ${units[unit]}`;
}

const kindName = (kind) => meta.kinds[kind];
const spentOf = (event) => {
	const column = { [CALL]: c.c_spent, [FAULT]: c.f_spent, [VIOLATION]: c.x_spent }[c.ev_type[event]];
	return column ? column[c.row[event]] : 0;
};

/** What a list of events shows of one beside its address: [subject, address (BigInt or null), rest] */
const lines = {
	[CALL](r) {
		const error = str(c.c_error[r]);
		let result = "";
		if (c.c_rkind[r] === 1)
			result = " = " + BigInt.asIntN(64, big(c.c_result, r));
		else if (c.c_rkind[r] === 2)
			result = " = " + hex(c.c_result, r);
		else if (c.c_rkind[r] === 3)
			result = ` = -1 ${error}`;
		return ["call", null, (str(c.c_text[r]) || str(c.c_name[r]) || `call ${c.c_nr[r] | 0}`) + result];
	},
	[FAULT](r) {
		const gva = big(c.f_gva, r), bits = c.f_bits[r];
		const name = symbol(c.f_sym[r], gva), vma = c.f_vma[r];
		const rest = [bits & 1 ? "r" : bits & 2 ? "w" : "x"];
		if (name)
			rest.push(`<${name}>`);
		if (vma !== NONE)
			rest.push(`${vmaProt(vma)} ${baseName(str(c.v_name[vma]))}`.trim());
		if (c.f_size[r])
			rest.push(`→ gpa ${hex(c.f_gpa, r)}`);
		if (c.f_around[r])
			rest.push(`+${c.f_around[r]} around`);
		if (c.f_huge[r])
			rest.push(`${c.f_huge[r]} × 2 MiB`);
		if (c.f_copied[r])
			rest.push(`${c.f_copied[r]} copied`);
		if (bits & 16)
			rest.push("major");
		if (bits & 8)
			rest.push("by a call");
		if (c.f_signal[r] !== NONE)
			rest.push(`${str(c.f_signal[r])} ${str(c.f_code[r])}`);
		return [kindName(c.f_kind[r]), gva, rest.join("  ")];
	},
	[VIOLATION](r) {
		return ["violation", null, `gpa ${hex(c.x_gpa, r)} ${c.x_bits[r] & 1 ? "w" : "r"}: ${bytes(c.x_bytes[r])} of ${c.x_bits[r] & 2 ? "a file" : "zeroes"} from gpa ${hex(c.x_start, r)}`];
	},
	[TABLE](r) {
		const table = c.t_table[r];
		return [`${LEVELS[c.i_level[table]]} ${c.t_made[r] ? "made" : "freed"}`, big(c.i_gva, table), `table at gpa ${hex(c.i_gpa, table)}`];
	},
	[ENTRIES](r) {
		const table = c.e_table[r], level = c.i_level[table], n = c.e_n[r], index = c.e_index[r];
		const gva = big(c.i_gva, table) + (BigInt(index) << BigInt(shiftOf(level)));
		const span = n > 1 ? `${index}..${index + n - 1}` : index;
		const step = n > 1 && num(c.e_step, r) ? ` step ${hex(c.e_step, r)}` : "";
		return [`${LEVELS[level]} entr${n > 1 ? "ies" : "y"}`, gva, `[${span}] ${hex(c.e_old, r)} → ${hex(c.e_value, r)}${step}`];
	},
	[VMA](r) {
		const vma = c.a_vma[r];
		return [c.a_added[r] ? "vma +" : "vma −", big(c.v_start, vma), vmaText(vma)];
	},
	[SIGNAL](r) {
		const handler = num(c.g_handler, r);
		return ["signal", big(c.g_addr, r), `${str(c.g_signal[r])} ${str(c.g_code[r])} at rip ${hex(c.g_rip, r)} ${symbol(c.g_rip_sym[r], big(c.g_rip, r))} ${handler ? "→ handler " + hex(c.g_handler, r) : "ends the program"}`];
	},
	[END](r) {
		return ["end", null, `${str(c.n_how[r])} ${c.n_status[r] | 0}`];
	},
};
const lineOf = (event) => lines[c.ev_type[event]](c.row[event]);

const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);
const vmaProt = (vma) => `${accessOf(c.v_bits[vma])}${c.v_bits[vma] & 8 ? "s" : "p"}`;
function vmaText(vma) {
	const offset = num(c.v_offset, vma);
	return [`..${hex(c.v_end, vma)}`, vmaProt(vma), bytes(num(c.v_end, vma) - num(c.v_start, vma)), offset ? `offset ${hex(c.v_offset, vma)}` : "",
		str(c.v_name[vma]), c.v_bits[vma] & 16 ? "hugetlb" : "", c.v_bits[vma] & 32 ? "growsdown" : ""].filter(Boolean).join("  ");
}

/** A fault's walk before or after: its entries, from the pgd down. */
function faultWalk(r, after) {
	const walk = c.f_walk[r], n = after ? c.w_n[walk] >> 4 : c.w_n[walk] & 15;
	const entries = [];
	for (let i = 0; i < Math.min(n, 3); i++)
		entries.push(big(c.w_entry, walk * 6 + (after ? 3 : 0) + i));
	if (n === 4)
		entries.push(big(after ? c.f_after : c.f_before, r));
	return entries;
}

/** The moment's line: "event 12 of 60, 1.234567 ms: anonymous 0x403000 <words>" */
function momentText(event) {
	const [subject, gva, rest] = lineOf(event);
	return `${subject} ${gva === null ? "" : hexNum(gva) + " "}${rest}`;
}

function element(name, properties = {}, ...children) {
	const e = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (key.startsWith("on"))
			e.addEventListener(key.slice(2), value);
		else if (key === "style")
			for (const [name, text] of Object.entries(value))
				e.style.setProperty(name, text);
		else if (key.includes("-") || key === "role" || key === "scope" || key === "for")
			e.setAttribute(key, value);
		else
			e[key] = value;
	}
	e.append(...children);
	return e;
}

/** The theme's colours: as CSS has them, and as pixels. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
function pixel(hexText) {
	const n = parseInt(hexText.slice(1), 16);
	return (0xff000000 | (n & 255) << 16 | (n & 0xff00) | n >> 16) >>> 0;
}
function mix(a, b, part) {
	const channel = (shift) => Math.round((a >> shift & 255) * (1 - part) + (b >> shift & 255) * part) << shift;
	return (0xff000000 | channel(16) | channel(8) | channel(0)) >>> 0;
}

/** Size a canvas to its place in device pixels; returns its context, scaled to CSS pixels. */
function contextOf(canvas) {
	const ratio = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
	if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
		canvas.width = Math.round(w * ratio);
		canvas.height = Math.round(h * ratio);
	}
	const g = canvas.getContext("2d");
	g.setTransform(ratio, 0, 0, ratio, 0, 0);
	g.clearRect(0, 0, w, h);
	g.font = `11px ${colour("mono")}`;
	g.textBaseline = "middle";
	return [g, w, h, ratio];
}
