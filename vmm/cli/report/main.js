// SPDX-License-Identifier: MIT
// main.js: the moment and the address that all views show, the keys, the theme; and the start.

const state = { event: 0, gva: null };
const dirty = new Set();

const views = {
	heat: () => { drawHeat(); drawHeatOver(); },
	over: () => { drawHeatOver(); drawCurveOver(); },
	curve: () => { drawCurve(); drawCurveOver(); },
	vmas: drawVmas,
	walk: drawWalk,
	tables: drawTables,
	list: drawList,
	event: drawEvent,
	kinds: drawKinds,
};

const FRAME = 24; // ms that are drawn for before the page may do something else

/** Draw these views before the next frame or, where that takes long, one of those after it; each once. */
function redraw(...names) {
	if (!dirty.size)
		requestAnimationFrame(draw);
	for (const name of names)
		dirty.add(name);
}

function draw() {
	const end = performance.now() + FRAME;
	for (const name of dirty) {
		views[name]();
		dirty.delete(name);
		if (performance.now() > end && dirty.size)
			return requestAnimationFrame(draw);
	}
}

function setMoment(event) {
	state.event = Math.max(0, Math.min(c.n - 1, event));
	const text = `#${c.seq[state.event]} of ${count(c.seq[c.n - 1])}  ${ms(c.t[state.event])}  `;
	$("slider").value = state.event;
	$("slider").setAttribute("aria-valuetext", text + momentText(state.event));
	$("moment").textContent = text + momentText(state.event);
	showMoment();
	scrollToMoment();
	redraw("over", "vmas", "walk", "tables", "list", "event");
}

function setAddress(gva) {
	state.gva = gva;
	$("address").value = hexNum(gva);
	$("walk-error").textContent = "";
	redraw("over", "vmas", "walk", "tables");
}

/** Go to an event, and to the address that it is about. */
function choose(event) {
	setMoment(event);
	const gva = c.ev_type[event] === FAULT || c.ev_type[event] === ENTRIES ? lineOf(event)[1] : null;
	if (gva !== null)
		setAddress(gva >> 47n && !(gva >> 48n) ? gva | 0xffffn << 48n : gva);
}

/** The fault before or after the moment. */
function stepFault(by) {
	const faults = c.of[FAULT];
	const at = by < 0 ? upTo(faults, state.event - 1) - 1 : upTo(faults, state.event);
	if (at >= 0 && at < faults.length)
		choose(faults[at]);
}

const themes = ["auto", "light", "dark"];

function setTheme(theme) {
	const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
	document.documentElement.dataset.theme = dark ? "dark" : "light";
	setTheme.now = theme;
	$("theme").textContent = `theme: ${theme}`;
	if (c.row)
		redraw("heat", "curve", "tables", "kinds");
}

const nextTheme = () => setTheme(themes[(themes.indexOf(setTheme.now) + 1) % themes.length]);

const keys = {
	",": () => choose(Math.max(0, state.event - 1)),
	".": () => choose(Math.min(c.n - 1, state.event + 1)),
	"[": () => stepFault(-1),
	"]": () => stepFault(1),
	"+": () => zoom(0.5, xOf(state.event)),
	"=": () => zoom(0.5, xOf(state.event)),
	"-": () => zoom(2, xOf(state.event)),
	"0": zoomAll,
	"/": () => { $("address").focus(); $("address").select(); },
	"t": nextTheme,
	"?": () => $("keys").showModal(),
};
["slider", "heat", "vmas", "address", "table-pgd", "kinds", "events"].forEach((id, i) => {
	keys[i + 1] = () => {
		const target = id === "kinds" ? document.querySelector("#kinds button") : $(id);
		target.focus();
		target.scrollIntoView({ block: "nearest" });
	};
});

function onKey(event) {
	const typing = event.target.matches?.("input[type=text]");
	if (typing && event.key === "Escape")
		return event.target.blur();
	if (typing || event.ctrlKey || event.altKey || event.metaKey || $("keys").open || !keys[event.key])
		return;
	event.preventDefault();
	keys[event.key]();
}

function tellFacts() {
	const h = meta.header, facts = [];
	$("program").textContent = h.program.join(" ");
	$("program").title = h.program.join(" ");
	document.title = `${baseName(h.program[0])}: mapvisor report`;
	if (h.stage2)
		facts.push(`stage2 ${h.stage2}`);
	if (h.thp)
		facts.push(`thp ${h.thp}`);
	if (h.fault_around)
		facts.push(`fault-around ${bytes(h.fault_around)}`);
	facts.push(plural(c.n, "event"), plural(c.f_kind.length, "fault"), c.n ? ms(c.t[c.n - 1]) : "");
	$("facts").textContent = facts.join(" · ");
	const warnings = [];
	if (meta.cut)
		warnings.push("The trace has no trailer: it ends before its program did.");
	if (meta.lost)
		warnings.push(`${plural(meta.lost, "event was", "events were")} lost; what follows from them is missing.`);
	$("warning").textContent = warnings.join(" ");
	$("warning").hidden = !warnings.length;
}

function startKeys() {
	document.addEventListener("keydown", onKey);
	$("slider").max = Math.max(0, c.n - 1);
	$("slider").addEventListener("input", () => choose(Number($("slider").value)));
	const press = { first: () => choose(0), last: () => choose(c.n - 1), back: keys[","], forth: keys["."], "fault-back": keys["["], "fault-forth": keys["]"], help: keys["?"], theme: nextTheme };
	for (const [id, does] of Object.entries(press))
		$(id).addEventListener("click", does);
	$("vmas").addEventListener("keydown", vmaKeys);
	$("walk-form").addEventListener("submit", (event) => {
		event.preventDefault();
		try {
			setAddress(parseAddress($("address").value.trim()));
		} catch (error) {
			$("walk-error").textContent = error.message;
		}
	});
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(setTheme.now));
	const sizes = new ResizeObserver(() => redraw("heat", "curve", "tables", "list", "kinds"));
	for (const id of ["heat", "tables", "spent", "events"])
		sizes.observe($(id));
}

async function start() {
	setTheme("auto");
	await readColumns();
	await indexEvents();
	tellFacts();
	if (!c.n) {
		$("loading").textContent = "The trace has no events.";
		return;
	}
	await indexTables();
	await layOut();
	await countKinds();
	startTables();
	startHeat();
	startEvents();
	startKinds();
	startKeys();
	$("loading").hidden = true;
	$("main").hidden = false;
	zoomAll();
	choose(c.of[FAULT].length ? c.of[FAULT].at(-1) : c.n - 1);
	setMoment(c.n - 1);
	await applyFilter();
	redraw(...Object.keys(views));
	while (dirty.size)
		await new Promise(requestAnimationFrame);
	document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
	$("loading").textContent = `The page can't be drawn: ${error.message}`;
	throw error;
});
