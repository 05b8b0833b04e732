# SPDX-License-Identifier: MIT
"""test_page.py: the page of `mapvisor report` in a browser. Right values are the trace's, counted or
replayed here, and what `mapvisor walk` and `mapvisor maps` say of the same program."""
import json
import os
import random
import re
import subprocess
import tempfile
import unittest

import synthetic
from page import GUTTER, MAPVISOR, PAYLOADS, Browser, mapvisor
from selenium.webdriver.common.keys import Keys

AD = 0x60  # bits that the processor sets: no event tells
ADDRESS = 0x000FFFFFFFFFF000
HOSTILE = '</script><img src="http://127.0.0.1:9/x" onerror="document.title=1">&lt;\u2028'

browser = None
folder = None


def setUpModule():
    global browser, folder
    folder = tempfile.TemporaryDirectory()
    browser = Browser()


def tearDownModule():
    browser.close()
    folder.cleanup()


def path(name):
    return os.path.join(folder.name, name)


def write_trace(name, run):
    with open(path(name), "w", encoding="utf-8") as out:
        run(synthetic.Writer(out, seed=7))
    return path(name)


def page_of(trace):
    page = trace + ".html"
    mapvisor("report", trace, "-o", page)
    return page


def kvm_works():
    return subprocess.run([MAPVISOR, "doctor"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def histogram():
    return {row[0]: int(row[1].replace("\u2009", "").replace(" ", "")) for row in browser.rows("#kinds-body tr")}


def steps_shown():
    """[entry, at gpa, value, flags, leads to] of each step."""
    return [row[:5] for row in browser.rows("#walk tbody tr")]


def tables_shown():
    counts = browser.text("tables-count").split(", ")
    return {name: int(n.replace("\u2009", "")) for name, n in (count.split(" ", 1) for count in counts)}


class PageTest(unittest.TestCase):
    """A trace that was made up; each test begins with the page as it opens."""

    @classmethod
    def setUpClass(cls):
        cls.trace = write_trace("small.json", lambda w: w.run(3000))
        cls.page = page_of(cls.trace)
        _, cls.events, _ = synthetic.read(cls.trace)
        cls.faults = [i for i, e in enumerate(cls.events, 1) if e["type"] == "fault"]

    def setUp(self):
        browser.size(1280, 800)
        browser.theme("light")
        browser.open(self.page)

    def replayed(self, event):
        replay = synthetic.Replay()
        for e in self.events[:event]:
            replay.apply(e)
        return replay

    def test_it_loads_without_a_complaint_or_a_request(self):
        self.assertEqual(browser.complaints(), [])
        self.assertEqual(browser.requests(), [])
        self.assertEqual(browser.script("return document.title"), "synthetic: mapvisor report")

    def test_it_opens_at_the_end_of_the_trace(self):
        self.assertEqual(browser.seq(), len(self.events))
        self.assertEqual(browser.text("events-count").replace("\u2009", ""), str(len(self.events)))

    def test_any_moment_shows_what_the_events_up_to_it_add_up_to(self):
        chance = random.Random(3)
        edges = {(e["type"], e.get("made"), e.get("added")): i for i, e in enumerate(self.events, 1)}  # the last of each
        for event in [1, *edges.values()] + [chance.randrange(1, len(self.events)) for _ in range(8)]:
            browser.moment(event)
            replay = self.replayed(event)
            tables, pages = replay.counts()
            self.assertEqual(browser.rows("#vmas-body tr"), replay.list_vmas(), f"VMAs after event {event}")
            self.assertEqual(tables_shown(), tables, f"tables after event {event}")
            self.assertIn(f"entries map {pages} page", browser.text("curve-status").replace("\u2009", ""), f"after event {event}")

    def test_each_step_of_a_walk_is_what_the_entries_events_left_there(self):
        written = [i for i, e in enumerate(self.events, 1) if e["type"] == "entries" and e["level"] == "pte" and e["value"] != "0x0"]
        for event in self.faults[::197] + written[::197]:
            browser.moment(event)
            tables = self.replayed(event).tables
            gva = int(self.events[event - 1]["gva"], 16)
            browser.address(hex(gva))
            table = next(gpa for gpa, (level, _) in tables.items() if level == "pgd")
            shown = steps_shown()
            self.assertEqual(len(shown), 4)
            for (name, level), (entry, at, value, _, _) in zip(reversed(sorted(synthetic.NUMBERS.items(), key=lambda x: x[1])), shown):
                index = gva >> synthetic.shift(level) & 511
                self.assertEqual(entry.replace(" ", ""), f"{name}[{index}]")
                self.assertEqual(at, hex(table + 8 * index))
                self.assertEqual(int(value, 16), tables[table][1][index])
                table = int(value, 16) & ADDRESS

    def test_a_gone_page_ends_the_walk(self):
        gva = int(self.events[self.faults[1] - 1]["gva"], 16)
        browser.address(hex(gva))
        self.assertIn("no frame", browser.text("walk-end"))

    def test_what_is_no_address_is_told(self):
        for text, words in (("0x", "not an address"), ("nothing_of_that_name", "names that symbol"),
                            ("0x800000000000", "canonical"), ("1e5", "not an address")):
            browser.address(text)
            self.assertIn(words, browser.text("walk-error"))
        browser.address("0x1000")
        self.assertEqual(browser.text("walk-error"), "")

    def test_the_histogram_counts_each_kind_and_its_times(self):
        replay = self.replayed(len(self.events))
        self.assertEqual({kind: n for kind, n in histogram().items() if n}, replay.kinds)
        for kind in replay.kinds:
            spent = sorted(e["spent"] for e in self.events if e["type"] == "fault" and e["kind"] == kind)
            row = next(row for row in browser.rows("#kinds-body tr") if row[0] == kind)
            self.assertEqual(row[3], f"{spent[-(-len(spent) * 50 // 100) - 1]} ns")
            self.assertEqual(row[5], f"{spent[-1]} ns")

    def test_a_kind_in_the_histogram_filters_the_list(self):
        browser.script("[...document.querySelectorAll('#kinds button')].find((b) => b.textContent === 'private copy').click()")
        n = self.replayed(len(self.events)).kinds["private copy"]
        browser.wait(lambda: browser.text("events-count").startswith(f"{n} of"))
        shown = browser.script("return [...document.querySelectorAll('.row')].map((r) => r.children[2].textContent)")
        self.assertEqual(set(shown), {"private copy"})

    def test_a_click_in_the_heat_map_chooses_the_fault_there(self):
        browser.find("input[name=axis][value=event]").click()
        browser.settle()
        width = browser.script("return document.getElementById('heat').clientWidth") - GUTTER - 2
        height = browser.script("return document.getElementById('heat').clientHeight") - 18
        wanted = self.faults[len(self.faults) // 2]
        x = GUTTER + (wanted - 1) / ((len(self.events) - 1) * 1.002) * width
        for y in range(2, height, 3):
            browser.point("#heat", x, y)
            if "fault" in browser.text("heat-status"):
                break
        browser.point("#heat", x, y, click=True)
        chosen = browser.seq()
        self.assertIn(chosen, self.faults)
        self.assertLess(abs(chosen - wanted), len(self.events) * 8 / width)
        self.assertEqual(browser.script("return document.getElementById('address').value"), self.events[chosen - 1]["gva"])
        self.assertEqual(browser.script("return document.querySelector('.row[aria-selected=true] span').textContent"), f"#{chosen}")

    def test_the_map_has_the_colours_of_the_kinds_that_there_are(self):
        kinds = browser.script("return [...document.querySelectorAll('#kinds tbody tr')].map((tr) => getComputedStyle(tr.querySelector('i')).backgroundColor)")
        names = [row[0] for row in browser.rows("#kinds-body tr")]
        pixels = browser.script("""
            const canvas = document.getElementById('heat-canvas');
            const data = canvas.getContext('2d').getImageData(arguments[0] + 2, 0, canvas.width - arguments[0] - 4, canvas.height - 20).data, seen = {};
            for (let i = 0; i < data.length; i += 4) { const k = `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`; seen[k] = (seen[k] ?? 0) + 1; }
            return seen;""", GUTTER)
        there = self.replayed(len(self.events)).kinds
        for name, colour in zip(names, kinds):
            self.assertEqual(pixels.get(colour, 0) > 0, name in there, name)

    def test_the_wheel_zooms_and_all_shows_all_again(self):
        def ends():
            found = []
            for x in (GUTTER + 1, browser.script("return document.getElementById('heat').clientWidth") - 4):
                browser.point("#heat", x, 20)
                found.append(float(browser.text("heat-status").split(" ms")[0]))
            return found
        whole = ends()
        browser.script("document.getElementById('heat').dispatchEvent(new WheelEvent('wheel', {deltaY: -400, clientX: 500, clientY: 200, cancelable: true}))")
        browser.settle()
        near = ends()
        self.assertLess(near[1] - near[0], 0.9 * (whole[1] - whole[0]))
        browser.find("#zoom-all").click()
        browser.settle()
        self.assertEqual(ends(), whole)

    def test_keys_step_by_event_and_by_fault(self):
        browser.blur()
        browser.moment(self.faults[10])
        browser.keys(".")
        self.assertEqual(browser.seq(), self.faults[10] + 1)
        browser.keys(",", ",")
        self.assertEqual(browser.seq(), self.faults[10] - 1)
        browser.keys("]")
        self.assertEqual(browser.seq(), self.faults[10])
        browser.keys("[")
        self.assertEqual(browser.seq(), self.faults[9])
        browser.keys("1")
        self.assertEqual(browser.focused(), "slider")
        browser.keys(Keys.ARROW_RIGHT)
        self.assertEqual(browser.seq(), self.faults[9] + 1)
        browser.keys(Keys.HOME)
        self.assertEqual(browser.seq(), 1)
        browser.keys(Keys.END)
        self.assertEqual(browser.seq(), len(self.events))
        browser.keys("2", Keys.ARROW_LEFT)
        self.assertEqual(browser.seq(), self.faults[-1])

    def test_tables_are_descended_into_by_keyboard(self):
        event = self.faults[20]
        browser.moment(event)
        browser.blur()
        browser.keys("5")
        for name in ("pgd", "pud", "pmd", "pte"):
            self.assertEqual(browser.focused(), f"table-{name}")
            browser.keys(Keys.ENTER)
        self.assertEqual(browser.focused(), "table-pte")
        gva = int(browser.script("return document.getElementById('address').value"), 16)
        browser.keys(Keys.ARROW_RIGHT)
        self.assertEqual(browser.script("return document.getElementById('address').value"), hex((gva & ~4095) + 4096))
        browser.keys(Keys.BACKSPACE)
        self.assertEqual(browser.focused(), "table-pmd")

    def test_a_click_on_a_slot_walks_to_it(self):
        event = self.faults[20]
        browser.moment(event)
        gva = int(self.events[event - 1]["gva"], 16) & ~0x1FFFFF
        tables = self.replayed(event).tables
        used = min(i for i in range(512) if any(level == "pte" and i in slots for level, slots in tables.values()))
        browser.address(hex(gva))
        width = browser.script("return document.getElementById('table-pte').clientWidth") / 32
        browser.script("document.getElementById('table-pte').scrollIntoView({block: 'center'})")
        browser.point("#table-pte", (used % 32 + 0.5) * width, (used // 32 + 0.5) * width, click=True)
        self.assertEqual(browser.script("return document.getElementById('address').value"), hex(gva + used * 4096))
        self.assertEqual(steps_shown()[-1][0].replace(" ", ""), f"pte[{used}]")

    def test_every_control_is_reached_by_tab_and_shows_it(self):
        wanted = set(browser.script("return [...document.querySelectorAll('main button, main input, header button, [tabindex=\"0\"]')].filter((e) => e.type !== 'radio' || e.checked).filter((e) => e.offsetParent).map((e) => { e.id ||= 'x' + Math.random(); return e.id; })"))
        browser.blur()
        reached = set()
        for _ in range(len(wanted) + 10):
            browser.keys(Keys.TAB)
            reached.add(browser.focused())
            style = browser.script("const e = document.activeElement; return e === document.body ? '' : getComputedStyle(e).outlineStyle")
            self.assertIn(style, ("", "solid"), browser.focused())
        self.assertEqual(wanted - reached, set())

    def test_the_keys_are_shown_by_a_question_mark(self):
        browser.blur()
        browser.keys("?")
        self.assertTrue(browser.script("return document.getElementById('keys').open"))
        browser.keys(Keys.ESCAPE)
        self.assertFalse(browser.script("return document.getElementById('keys').open"))

    def test_it_is_light_or_dark_as_the_system_is_or_as_told(self):
        def light():
            return sum(map(int, re.findall(r"\d+", browser.script("return getComputedStyle(document.documentElement).backgroundColor"))[:3])) > 380
        self.assertTrue(light())
        browser.theme("dark")
        browser.settle()
        self.assertFalse(light())
        browser.blur()
        browser.keys("t")  # light
        self.assertTrue(light())
        browser.keys("t")  # dark
        browser.theme("light")
        browser.settle()
        self.assertFalse(light())

    def test_no_text_is_too_faint_in_either_theme(self):
        """WCAG 2.1, 1.4.3: 4.5 to 1."""
        for theme in ("light", "dark"):
            browser.theme(theme)
            browser.settle()
            worst = browser.script("""
                const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
                const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
                let worst = [99, ''];
                for (const e of document.querySelectorAll('main td, main th, main p, main button, h1, h2, small, label, legend, .row span')) {
                    if (!e.textContent.trim() || e.closest('.off')) continue;
                    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
                    const ratio = (a + 0.05) / (b + 0.05);
                    if (ratio < worst[0]) worst = [ratio, e.tagName + ' ' + e.textContent.slice(0, 40)];
                }
                return worst;""")
            self.assertGreaterEqual(worst[0], 4.5, f"{theme}: {worst[1]}")


class OddTraceTest(unittest.TestCase):
    def setUp(self):
        browser.size(1280, 800)

    def test_hostile_names_are_only_text(self):
        def run(w):
            w.table(4, 0)
            w.vma(True, 0x400000, 0x402000, HOSTILE)
            w.event("fault", kind="file read", gva="0x400000", symbol=HOSTILE + "+0x0", access="r", spent=5,
                    vma={"start": "0x400000", "end": "0x402000", "prot": "rw-", "name": HOSTILE}, before=["0x0"], after=["0x0"])
            w.event("call", nr=1, name=HOSTILE, text=HOSTILE, result=0)
            w.event("signal", signal=HOSTILE, code=HOSTILE)
            w.event("end", how=HOSTILE, status=0)
            w.trailer()
        trace = write_trace("hostile.json", run)
        with open(trace, encoding="utf-8") as lines:
            text = lines.read().replace('"synthetic"', json.dumps(HOSTILE))
        with open(trace, "w", encoding="utf-8") as out:
            out.write(text)
        browser.open(page_of(trace))
        for event in range(1, 7):
            browser.moment(event)
        browser.moment(3)
        browser.address("0x400000")
        self.assertEqual(browser.script("return document.images.length"), 0)
        self.assertEqual(browser.complaints(), [])
        self.assertEqual(browser.requests(), [])
        self.assertEqual(browser.rows("#vmas-body tr")[0][4], HOSTILE.rsplit("/", 1)[-1])
        self.assertIn("onerror", browser.text("program"))

    def test_a_trace_that_was_cut_is_shown_and_says_so(self):
        trace = write_trace("cut.json", lambda w: w.run(500))
        with open(trace, "r+", encoding="utf-8") as out:
            out.truncate(os.path.getsize(trace) // 2)
        browser.open(page_of(trace))
        self.assertIn("no trailer", browser.text("warning"))
        self.assertGreater(browser.seq(), 100)

    def test_lost_events_are_told(self):
        def run(w):
            w.table(4, 0)
            w.trailer(lost=3)
        browser.open(page_of(write_trace("lost.json", run)))
        self.assertIn("3 events were lost", browser.text("warning"))

    def test_a_trace_without_faults_or_events_is_no_error(self):
        browser.open(page_of(write_trace("nofaults.json", lambda w: (w.vma(True, 0x400000, 0x401000), w.trailer()))))
        self.assertEqual(len(browser.rows("#vmas-body tr")), 1)
        page = page_of(write_trace("nothing.json", lambda w: w.trailer()))
        browser.driver.get("file://" + page)
        browser.wait(lambda: "no events" in browser.text("loading"))
        self.assertEqual(browser.complaints(), [])


class MillionTest(unittest.TestCase):
    def test_a_million_events_can_be_looked_at(self):
        n = synthetic.write_million(path("million.json"))
        self.assertGreaterEqual(n, 1_000_000)
        page = page_of(path("million.json"))
        self.assertLess(os.path.getsize(page), 30 << 20)
        browser.size(1280, 800)
        browser.open(page)
        self.assertEqual(browser.seq(), n)
        browser.moment(n // 3)
        self.assertEqual(browser.seq(), n // 3)
        browser.blur()
        browser.keys("]")
        self.assertIn("gva 0x7f", browser.text("walk"))
        browser.find("#zoom-in").click()
        browser.find("#filter input[value=entries]").click()
        browser.wait(lambda: " of " in browser.text("events-count"))
        browser.keys("7", Keys.END)
        self.assertEqual(browser.seq(), n)
        self.assertEqual(browser.script("return document.querySelector('.row:last-child span').textContent"), f"#{n}")
        self.assertLess(browser.script("return document.querySelectorAll('.row').length"), 100)
        self.assertEqual(browser.complaints(), [])


class RealTest(unittest.TestCase):
    """A program's own trace, beside what `mapvisor walk` and `mapvisor maps` say of it at its end."""

    @classmethod
    def setUpClass(cls):
        if not kvm_works():
            raise unittest.SkipTest("no KVM here")
        cls.program = os.path.join(PAYLOADS, "walkme")
        mapvisor("trace", "--no-aslr", "--format=json", "-o", path("real.json"), cls.program)
        _, cls.events, _ = synthetic.read(path("real.json"))
        browser.size(1280, 800)
        browser.open(page_of(path("real.json")))

    def test_the_four_steps_are_those_of_walk(self):
        gva = next(e["gva"] for e in self.events if e["type"] == "fault" and e["gva"].startswith("0x4"))
        for address in (gva, "0x1000", "0x7fffffffe000"):
            text = mapvisor("walk", "--no-aslr", "--json", address, self.program)
            walk = json.loads(text[text.index("{"):])
            browser.address(address)
            shown = steps_shown()
            self.assertEqual(len(shown), len(walk["steps"]), address)
            for (entry, at, value, flags, _), step in zip(shown, walk["steps"]):
                self.assertEqual(entry.replace(" ", ""), f"{step['name']}[{step['index']}]")
                self.assertEqual(at, step["entry_gpa"])
                self.assertEqual(int(value, 16) | AD, int(step["entry"], 16) | AD)
                known = {"RW": "W", "US": "U"}
                self.assertEqual(set(flags.replace("not present", "").split()) - {"A", "D"}, {known.get(f, f) for f in step["flags"]} - {"A", "D"})
            if walk["present"]:
                self.assertIn(f"gpa {walk['gpa']} ", browser.text("walk-end"))
                self.assertIn(f"may {walk['access']}", browser.text("walk-end"))

    def test_the_vmas_at_the_end_are_those_of_maps(self):
        text = mapvisor("maps", "--no-aslr", "--json", self.program)
        maps = json.loads(text[text.index("[\n"):])
        shown = [row[:4] + (row[4].replace(" growsdown", ""),) for row in browser.rows("#vmas-body tr")]
        self.assertEqual(shown, [(v["start"], v["end"], v["prot"] + ("s" if v["shared"] else "p"), v["offset"], v["name"].rsplit("/", 1)[-1]) for v in maps])

    def test_the_histogram_counts_what_the_trace_has(self):
        kinds = {}
        for e in self.events:
            if e["type"] == "fault":
                kinds[e["kind"]] = kinds.get(e["kind"], 0) + 1
        self.assertEqual({kind: n for kind, n in histogram().items() if n}, kinds)

    def test_it_loads_without_a_complaint(self):
        self.assertEqual(browser.complaints(), [])


if __name__ == "__main__":
    unittest.main()
