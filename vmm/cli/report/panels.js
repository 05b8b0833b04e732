// SPDX-License-Identifier: MIT
// panels.js: the VMAs, the walk, and the faults by kind.

const VMAS_SHOWN = 400; // of more, those around the address

function drawVmas() {
	const list = vmasAt(state.event), here = state.gva === null ? -1 : Number(BigInt.asUintN(64, state.gva));
	const at = list.findIndex((v) => num(c.v_start, v) <= here && here < num(c.v_end, v));
	const from = list.length <= VMAS_SHOWN ? 0 : Math.max(0, Math.min(list.length - VMAS_SHOWN, upTo(list.map((v) => num(c.v_start, v)), here) - VMAS_SHOWN / 2));
	const shown = list.slice(from, from + VMAS_SHOWN);
	$("vmas-count").textContent = list.length > shown.length ? `${count(list.length)}, ${from + 1} to ${from + shown.length} shown` : String(list.length);
	const key = `${from} ${shown.join(" ")}`;
	if (drawVmas.key !== key) {
		drawVmas.key = key;
		$("vmas-body").replaceChildren(...shown.map((vma) => element("tr", { onclick: () => setAddress(big(c.v_start, vma)), title: bytes(num(c.v_end, vma) - num(c.v_start, vma)) },
			...[hex(c.v_start, vma), hex(c.v_end, vma), vmaProt(vma), hex(c.v_offset, vma), vmaName(vma)].map((text) => element("td", {}, text)))));
	}
	drawVmas.row?.classList.remove("here");
	drawVmas.row = at < 0 ? null : $("vmas-body").rows[at - from];
	drawVmas.row?.classList.add("here");
	const box = $("vmas"), row = drawVmas.row;
	if (row && (row.offsetTop < box.scrollTop + 20 || row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight))
		box.scrollTop = row.offsetTop - box.clientHeight / 2;
}

const vmaName = (vma) => [baseName(str(c.v_name[vma])), c.v_bits[vma] & 16 ? "hugetlb" : "", c.v_bits[vma] & 32 ? "growsdown" : ""].filter(Boolean).join(" ");

function vmaKeys(event) {
	const by = { ArrowUp: -1, ArrowDown: 1 }[event.key], rows = $("vmas-body").rows;
	if (!by || !rows.length)
		return;
	event.preventDefault();
	const next = drawVmas.row ? drawVmas.row.rowIndex - 1 + by : 0;
	rows[Math.max(0, Math.min(rows.length - 1, next))].click();
}

/** The address as five fields of bits. */
function bitsOf(gva) {
	const binary = (n, width) => n.toString(2).padStart(width, "0");
	const fields = [4, 3, 2, 1].map((level) => [LEVELS[level], indexOf(gva, level), binary(indexOf(gva, level), 9)]);
	fields.push(["offset", hexNum(gva & 0xfffn), binary(Number(gva & 0xfffn), 12)]);
	return element("div", { className: "bits", "aria-hidden": "true" }, ...fields.map(([name, value, bits]) =>
		element("span", {}, element("b", {}, `${name} ${value}`), bits)));
}

function stepRow(step) {
	const entry = step.entry, to = entry & ADDRESS, size = 1n << BigInt(shiftOf(step.level));
	let leads = "not present";
	if (entry & 1n)
		leads = isLeaf(entry, step.level) ? `${bytes(Number(size))} ${hexNum(to & ~(size - 1n))}` : `${LEVELS[step.level - 1]} ${hexNum(to)}`;
	const by = step.by ? c.of[ENTRIES][step.by - 1] : -1;
	const written = by < 0 ? "" : element("button", { type: "button", title: "The event that wrote it", onclick: () => { choose(causeOf(by)); $("events").focus(); } }, `#${c.seq[causeOf(by)]}`);
	return element("tr", { className: "step" }, ...[`${LEVELS[step.level]}[${String(step.index).padStart(3)}]`, hexNum(step.gpa + 8n * BigInt(step.index)), hexNum(entry), flagsOf(entry, step.level), leads, written].map((text) => element("td", {}, text)));
}

/** The fault or call that an event was a part of. */
function causeOf(event) {
	for (let i = event; i < c.n; i++) {
		const type = c.ev_type[i];
		if (type === FAULT || type === CALL)
			return c.t[i] === c.t[event] || i - event < 2048 ? i : event;
		if (type === SIGNAL || type === END)
			break;
	}
	return event;
}

function drawWalk() {
	const box = $("walk");
	if (state.gva === null)
		return box.replaceChildren(element("p", { className: "status" }, "Choose a fault, a slot or a VMA, or enter an address."));
	const walk = walkAt(state.gva, state.event), [name] = [symbolAt(state.gva)];
	const parts = [element("p", { className: "gva" }, `gva ${hexNum(state.gva)}${name ? ` <${name}>` : ""}`), bitsOf(state.gva)];
	const body = element("tbody", {}, ...walk.steps.map(stepRow));
	parts.push(element("table", {}, element("thead", {}, element("tr", {}, ...["entry", "at gpa", "value", "flags", "leads to gpa", "by"].map((text) => element("th", { scope: "col", className: text === "by" ? "n" : "" }, text)))), body));
	const last = walk.steps.at(-1);
	let end = "the trace has no pgd yet";
	if (walk.present)
		end = `gpa ${hexNum(walk.page)} = frame + offset ${hexNum(walk.gva & (walk.size - 1n))}; ring 3 may ${walk.access}`;
	else if (walk.missing && last)
		end = `the trace doesn't say what the ${LEVELS[last.level - 1]} table holds`;
	else if (last)
		end = `no frame: the walk ends at the ${LEVELS[last.level]}, an access faults`;
	parts.push(element("p", { className: "gva", id: "walk-end" }, end));
	box.replaceChildren(...parts);
}

/** The nearest symbol that the trace names at or below the address, within a page of it. */
function symbolAt(gva) {
	const order = symbolOrder(), at = upTo(order.base, Number(gva)) - 1;
	if (at < 0 || gva >> 52n)
		return "";
	const offset = gva - big(c.y_base, order.id[at]);
	if (offset > order.reach[at])
		return "";
	return str(c.y_name[order.id[at]]) + (offset ? "+" + hexNum(offset) : "");
}

/** Symbols by address; reach: how far into each the trace was seen to go. */
function symbolOrder() {
	if (symbolOrder.made)
		return symbolOrder.made;
	const id = Array.from(c.y_name.keys()).sort((a, b) => num(c.y_base, a) - num(c.y_base, b));
	const reach = new Float64Array(c.y_name.length);
	for (let i = 0; i < c.f_sym.length; i++)
		if (c.f_sym[i] !== NONE)
			reach[c.f_sym[i]] = Math.max(reach[c.f_sym[i]], num(c.f_gva, i) - num(c.y_base, c.f_sym[i]));
	for (let i = 0; i < c.f_rip_sym.length; i++)
		if (c.f_rip_sym[i] !== NONE)
			reach[c.f_rip_sym[i]] = Math.max(reach[c.f_rip_sym[i]], num(c.f_rip, i) - num(c.y_base, c.f_rip_sym[i]));
	return symbolOrder.made = { id, base: Float64Array.from(id, (i) => num(c.y_base, i)), reach: id.map((i) => BigInt(reach[i])) };
}

/** What was typed, as a BigInt; throws what is wrong with it. */
function parseAddress(text) {
	const match = /^([A-Za-z_.$@][^+\s]*)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(text);
	let gva;
	if (match) {
		const id = Array.from(c.y_name).findIndex((name) => str(name) === match[1]);
		if (id < 0)
			throw new Error(`${match[1]}: no fault of this trace names that symbol`);
		gva = big(c.y_base, id) + BigInt(match[2] ?? 0);
	} else if (/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) {
		gva = BigInt(text);
	} else {
		throw new Error(`${text || "nothing"}: not an address; give 0x and hexadecimal digits, a decimal number, or symbol+0x…`);
	}
	const top = gva >> 47n;
	if (top !== 0n && top !== 0x1ffffn)
		throw new Error(`${text}: not a canonical address: its bits 63 to 47 differ`);
	return gva;
}

/** The value that so many of 100 in a sorted array don't exceed. */
const percentile = (sorted, part) => sorted[Math.max(0, Math.ceil(sorted.length * part / 100) - 1)];

const kinds = []; // { n, major, sum, p50, p99, max, bins }
const BINS = 4; // in a power of 2

async function countKinds() {
	const n = meta.kinds.map(() => 0), major = n.slice(), at = n.slice();
	await each(c.f_kind.length, (i) => {
		n[c.f_kind[i]]++;
		if (c.f_bits[i] & 16)
			major[c.f_kind[i]]++;
	});
	const spent = n.map((size) => new Float64Array(size));
	await each(c.f_kind.length, (i) => { spent[c.f_kind[i]][at[c.f_kind[i]]++] = c.f_spent[i]; });
	for (const [kind, values] of spent.entries()) {
		const bins = new Uint32Array(40 * BINS);
		values.sort();
		await pause();
		let sum = 0;
		for (const v of values) {
			sum += v;
			bins[Math.max(0, Math.min(bins.length - 1, Math.floor(Math.log2(v || 1) * BINS)))]++;
		}
		kinds.push({ n: n[kind], major: major[kind], sum, p50: percentile(values, 50), p99: percentile(values, 99), max: values.at(-1), bins });
		await pause();
	}
}

/** A row a kind; which of them the list shows changes later. */
function startKinds() {
	const all = Math.max(1, c.f_kind.length), most = Math.max(1, ...kinds.map((k) => k.n));
	const row = (kind, k) => element("tr", { style: { "--k": `var(--kind-${kind})` } },
		element("td", {}, element("button", { type: "button", title: "Only these in the list, or all again", onclick: () => showKind(kind) }, element("i"), kindName(kind)), element("span", { className: "bar", style: { width: `${k.n / most * 100}%`, visibility: k.n ? "visible" : "hidden" } })),
		...[count(k.n), count(k.major), ...[k.p50, k.p99, k.max, k.sum].map((v) => k.n ? short(v) : "-")].map((text) => element("td", { className: "n" }, text)));
	$("kinds-body").replaceChildren(...kinds.map((k, kind) => row(kind, k)));
	const sum = kinds.reduce((s, k) => s + k.sum, 0);
	$("kinds-title").textContent = `Faults by kind: ${count(c.f_kind.length)}, ${short(sum)}${c.f_kind.length ? `, ${short(Math.round(sum / all))} each` : ""}`;
}

function drawKinds() {
	for (const [kind, row] of [...$("kinds-body").rows].entries()) {
		row.classList.toggle("off", !kinds[kind].n || !shown(kind));
		row.querySelector("button").setAttribute("aria-pressed", String(shown(kind)));
	}
	drawSpent();
}

function drawSpent() {
	const [g, w, h] = contextOf($("spent")), floor = h - 18;
	const total = new Uint32Array(40 * BINS);
	for (const k of kinds)
		k.bins.forEach((n, i) => { total[i] += n; });
	const first = total.findIndex((n) => n), last = total.findLastIndex((n) => n);
	if (first < 0)
		return;
	const from = Math.floor(first / BINS) * BINS, to = Math.max(from + 2 * BINS, Math.ceil((last + 1) / BINS) * BINS);
	const most = Math.max(...total), left = Math.ceil(g.measureText(count(most)).width) + 8, bar = (w - left - 4) / (to - from);
	for (let i = from; i < to; i++) {
		let y = floor;
		kinds.forEach((k, kind) => {
			if (!k.bins[i])
				return;
			const tall = Math.max(1, k.bins[i] / most * (floor - 14));
			y -= tall;
			g.fillStyle = colour(`kind-${kind}`);
			g.fillRect(left + (i - from) * bar, y, Math.max(1, bar - 1), tall);
		});
	}
	g.fillStyle = colour("muted");
	g.fillRect(left, floor, w - left, 1);
	g.textAlign = "right";
	g.fillText(count(most), left - 4, 12);
	g.fillText("0", left - 4, floor - 4);
	g.textAlign = "center";
	const every = Math.max(1, Math.ceil((to - from) / BINS / ((w - 60) / 58)));
	for (let i = from; i <= to; i += BINS * every)
		g.fillText(short(2 ** (i / BINS)), Math.min(w - 26, Math.max(26, left + (i - from) * bar)), floor + 10);
}
