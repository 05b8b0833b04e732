// SPDX-License-Identifier: MIT
// events.js: the list of events: of a million, only the rows that can be seen exist.

const ROW = 18;
const TALL = 8e6; // pixels: no browser makes a box much taller; beyond, a pixel is more than a row
const list = {
	filter: new Set(), // "call", "table", ..., "fault 0", ...
	all: [],
	events: null, // the numbers of those that are shown
	top: 0, // the first row that can be seen
};

const keyOf = (event) => c.ev_type[event] === FAULT ? `fault ${c.f_kind[c.row[event]]}` : TYPES[c.ev_type[event]];
const shown = (kind) => list.filter.has(`fault ${kind}`);

async function applyFilter() {
	const turn = applyFilter.turn = (applyFilter.turn ?? 0) + 1;
	const types = TYPES.map((name) => list.filter.has(name)), kindShown = meta.kinds.map((_, kind) => shown(kind));
	const found = new Uint32Array(c.n);
	let n = 0;
	await each(c.n, (i) => {
		if (c.ev_type[i] === FAULT ? kindShown[c.f_kind[c.row[i]]] : types[c.ev_type[i]])
			found[n++] = i;
	});
	if (turn !== applyFilter.turn)
		return;
	list.events = found.subarray(0, n);
	$("events-count").textContent = n === c.n ? count(n) : `${count(n)} of ${count(c.n)}`;
	for (const box of document.querySelectorAll("#filter input"))
		box.checked = box.value === "fault" ? meta.kinds.every((_, kind) => shown(kind)) : list.filter.has(box.value);
	const faults = document.querySelector("#filter input[value=fault]");
	faults.indeterminate = !faults.checked && meta.kinds.some((_, kind) => shown(kind));
	$("events-size").style.height = `${Math.min(TALL, n * ROW)}px`;
	drawKinds();
	scrollToMoment();
	redraw("list");
}

function setShown(keys, on) {
	for (const key of keys)
		on ? list.filter.add(key) : list.filter.delete(key);
	return applyFilter();
}

const faultKeys = () => meta.kinds.map((_, kind) => `fault ${kind}`);

/** Only one kind of fault; once more: all again. */
function showKind(kind) {
	const only = list.filter.size === 1 && shown(kind);
	list.filter = new Set(only ? list.all : [`fault ${kind}`]);
	return applyFilter();
}

function startEvents() {
	list.all = [...TYPES.filter((name) => name !== "fault"), ...faultKeys()];
	list.filter = new Set(list.all);
	for (const name of TYPES) {
		const box = element("input", { type: "checkbox", value: name, checked: true });
		box.addEventListener("change", () => setShown(name === "fault" ? faultKeys() : [name], box.checked));
		$("filter").append(element("label", {}, box, name === "fault" ? "faults" : name));
	}
	const box = $("events");
	box.addEventListener("scroll", () => {
		if (list.wanted !== undefined && Math.abs(box.scrollTop - list.wanted) < 1)
			return;
		list.wanted = undefined;
		list.top = topOf(box.scrollTop);
		redraw("list");
	});
	box.addEventListener("wheel", (event) => {
		if (!isScaled() || event.ctrlKey || event.shiftKey)
			return;
		event.preventDefault();
		scrollRows(list.top + event.deltaY / ROW);
	}, { passive: false });
	box.addEventListener("click", (event) => {
		const row = event.target.closest(".row");
		if (row)
			choose(Number(row.dataset.event), false);
	});
	box.addEventListener("keydown", listKeys);
}

const rowsSeen = () => Math.floor($("events").clientHeight / ROW);
const topMost = () => Math.max(0, list.events.length - rowsSeen());
const isScaled = () => list.events.length * ROW > TALL;
const topOf = (scroll) => isScaled() ? scroll / (TALL - $("events").clientHeight) * topMost() : scroll / ROW;

function scrollRows(top) {
	list.top = Math.max(0, Math.min(topMost(), top));
	const box = $("events");
	box.scrollTop = isScaled() ? list.top / Math.max(1, topMost()) * (TALL - box.clientHeight) : list.top * ROW;
	list.wanted = box.scrollTop;
	redraw("list");
}

/** The row of the last event that is shown and not later than the moment. */
const rowOfMoment = () => upTo(list.events, state.event) - 1;

function scrollToMoment() {
	if (!list.events)
		return;
	const row = rowOfMoment(), seen = rowsSeen();
	if (row < list.top + 1 || row > list.top + seen - 2)
		scrollRows(row - Math.floor(seen / 2));
}

function listKeys(event) {
	const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -rowsSeen(), PageDown: rowsSeen(), Home: -list.events.length, End: list.events.length }[event.key];
	if (by === undefined || !list.events.length || event.ctrlKey || event.altKey || event.metaKey)
		return;
	event.preventDefault();
	choose(list.events[Math.max(0, Math.min(list.events.length - 1, rowOfMoment() + by))]);
}

function rowElement(event) {
	const [subject, gva, rest] = lineOf(event), spent = spentOf(event), here = event === state.event;
	const row = element("div", { className: event > state.event ? "row later" : "row", role: "option", id: `event-${event}`, "aria-selected": String(here), "aria-setsize": list.events.length, "aria-posinset": upTo(list.events, event) },
		element("span", { className: "n" }, `#${c.seq[event]}`),
		element("span", { className: "n" }, ms(c.ev_t[event])),
		element("span", {}, element("i", c.ev_type[event] === FAULT ? { style: { "--k": `var(--kind-${c.f_kind[c.row[event]]})` } } : {}), subject),
		element("span", {}, gva === null ? "" : hexNum(gva)),
		element("span", {}, rest),
		element("span", { className: "n" }, spent ? short(spent) : ""));
	row.dataset.event = event;
	return row;
}

function drawList() {
	if (!list.events)
		return;
	const box = $("events"), from = Math.floor(list.top), rows = [];
	for (let i = from; i < Math.min(list.events.length, from + rowsSeen() + 2); i++)
		rows.push(rowElement(list.events[i]));
	$("events-rows").replaceChildren(...rows);
	$("events-rows").style.transform = `translateY(${isScaled() ? box.scrollTop - (list.top - from) * ROW : from * ROW}px)`;
	if (document.getElementById(`event-${state.event}`))
		box.setAttribute("aria-activedescendant", `event-${state.event}`);
	else
		box.removeAttribute("aria-activedescendant");
}

/** All that the trace says of an event. */
function drawEvent() {
	const event = state.event, r = c.row[event], [subject, gva, rest] = lineOf(event), spent = spentOf(event);
	const text = [`#${c.seq[event]}  t ${ms(c.ev_t[event])}${spent ? `  spent ${count(spent)} ns` : ""}  ${subject}${gva === null ? "" : " " + hexNum(gva)}  ${rest}`];
	if (c.ev_type[event] === FAULT) {
		const rip = symbol(c.f_rip_sym[r], big(c.f_rip, r)), vma = c.f_vma[r];
		text.push(`rip ${hex(c.f_rip, r)}${rip ? ` <${rip}>` : ""}`);
		text.push(vma === NONE ? "no VMA" : `vma ${hex(c.v_start, vma)}${vmaText(vma)}`);
		const before = faultWalk(r, false), after = faultWalk(r, true), made = c.f_made[r];
		for (let i = 0; i < Math.max(before.length, after.length); i++) {
			const level = 4 - i, b = before[i], a = after[i];
			const show = (e) => e === undefined ? "-".padEnd(40) : `${hexNum(e).padEnd(19)} ${(e & 1n ? flagsOf(e, level) : "not present").padEnd(20)}`;
			text.push(`${LEVELS[level]}[${String(indexOf(gva, level)).padStart(3)}]  ${show(b)} ${b === a ? "  " : "→ "}${b === a ? "the same" : show(a)}`);
		}
		const tables = [["pud", made & 255], ["pmd", made >> 8 & 255], ["pte", made >> 16 & 255]].filter(([, n]) => n);
		if (tables.length)
			text.push(`made ${tables.map(([name, n]) => plural(n, `${name} table`)).join(", ")}`);
	} else if (c.ev_type[event] === CALL) {
		text.push(`nr ${c.c_nr[r] | 0}  rip ${hex(c.c_rip, r)}`);
	}
	$("event").textContent = text.join("\n");
}
