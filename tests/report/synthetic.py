# SPDX-License-Identifier: MIT
"""synthetic.py: traces as docs/trace.md has them, of any length, and what such a trace adds up to."""
import json
import random
import tempfile

PAGE = 4096
SLOTS = 512
LEVELS = {4: "pgd", 3: "pud", 2: "pmd", 1: "pte"}
NUMBERS = {name: level for level, name in LEVELS.items()}
LEAF = 0x8000000000000007  # NX U W P
TABLE = 0x7


def shift(level):
    return 12 + 9 * (level - 1)


class Writer:
    """Writes a program's life: it maps memory, touches it page by page, and unmaps it."""

    def __init__(self, out, seed=1):
        self.out = out
        self.random = random.Random(seed)
        self.events = 0
        self.ns = 0
        self.tables = {}  # (level, first gva >> its span): [gpa, entries in use]
        self.next_table = 0x100000000
        self.next_frame = 0x200000000
        self.free_tables = []
        self.line({"type": "mapvisor-trace", "version": 1, "program": ["synthetic", str(seed)], "stage2": "direct",
                   "fault_around": 4096, "thp": "never", "start_ns": 1})

    def line(self, fields):
        self.out.write(json.dumps(fields, separators=(",", ":")) + "\n")

    def event(self, type_, **fields):
        self.events += 1
        self.line({"seq": self.events, "t": self.ns, "type": type_, **fields})

    def trailer(self, lost=0):
        self.line({"type": "trailer", "events": self.events, "lost": lost})

    def vma(self, added, start, end, name="", prot="rw-", shared=False):
        fields = {"start": hex(start), "end": hex(end), "prot": prot, "offset": "0x0", "name": name}
        if added:
            fields["added"] = True
        if shared:
            fields["shared"] = True
        self.event("vma", **fields)

    def table(self, level, gva):
        """The table's key; it is made where it is missing, and those above it."""
        key = (level, gva >> shift(level + 1))
        if key in self.tables:
            return key
        gpa = self.free_tables.pop() if self.free_tables else self.next_table
        if gpa == self.next_table:
            self.next_table += PAGE
        above = self.table(level + 1, gva) if level < 4 else None
        self.tables[key] = [gpa, 0]
        self.event("table", made=True, level=LEVELS[level], gpa=hex(gpa), gva=hex(gva >> shift(level + 1) << shift(level + 1)))
        if above:
            self.entries(above, gva, 1, 0, gpa | TABLE, 0)
        return key

    def entries(self, key, gva, n, old, value, step):
        level = key[0]
        table = self.tables[key]
        index = gva >> shift(level) & SLOTS - 1
        if old == 0:
            table[1] += n
        elif value == 0:
            table[1] -= n
        fields = {"table": hex(table[0]), "level": LEVELS[level], "index": index, "n": n,
                  "gva": hex(gva >> shift(level) << shift(level)), "old": hex(old), "value": hex(value), "step": hex(step)}
        self.event("entries", **fields)

    def drop_if_empty(self, key, gva):
        level = key[0]
        gpa, used = self.tables[key]
        if used or level == 4:
            return
        above = (level + 1, gva >> shift(level + 2))
        self.entries(above, gva, 1, gpa | TABLE, 0, 0)
        del self.tables[key]
        self.free_tables.append(gpa)
        self.event("table", level=LEVELS[level], gpa=hex(gpa), gva=hex(gva >> shift(level + 1) << shift(level + 1)))
        self.drop_if_empty(above, gva)

    def walk(self, gva, leaf):
        steps = []
        for level in (4, 3, 2):
            steps.append(hex(self.tables[(level - 1, gva >> shift(level))][0] | TABLE))
        return steps + [hex(leaf)]

    def fault(self, gva, vma, kind="anonymous"):
        self.ns += self.random.randrange(300, 9000)
        key = self.table(1, gva)
        frame = self.next_frame
        self.next_frame += PAGE
        self.entries(key, gva, 1, 0, frame | LEAF, 0)
        self.event("fault", kind=kind, gva=hex(gva), access="w", rip="0x401000", rip_symbol="main+0x10", spent=self.random.randrange(200, 4000),
                   vma={"start": hex(vma[0]), "end": hex(vma[1]), "prot": "rw-", "offset": "0x0", "name": ""},
                   before=self.walk(gva, 0), after=self.walk(gva, frame | LEAF), gpa=hex(frame), size=PAGE)
        return frame

    def call(self, name, nr, text, **fields):
        self.ns += self.random.randrange(200, 1000)
        self.event("call", nr=nr, name=name, args=["0x0"], text=text, rip="0x401020", spent=self.random.randrange(300, 3000), **fields)

    def map_touch_unmap(self, pages):
        start = 0x7f0000000000 + self.random.randrange(0, 1 << 18) * (1 << 21)
        end = start + pages * PAGE
        self.vma(True, start, end)
        self.call("mmap", 9, f"mmap(NULL, {pages * PAGE})", result=hex(start))
        frames = {}
        for gva in range(start, end, PAGE):
            if self.random.random() < 0.8:
                frames[gva] = self.fault(gva, (start, end), "anonymous" if self.random.random() < 0.9 else "private copy")
        for gva, frame in frames.items():
            key = (1, gva >> shift(2))
            self.entries(key, gva, 1, frame | LEAF, 0, 0)
            self.drop_if_empty(key, gva)
        self.vma(False, start, end)
        self.call("munmap", 11, f"munmap({start:#x}, {pages * PAGE})", result=0)

    def run(self, events):
        """So many events or a few more, then the end."""
        self.table(4, 0)
        self.vma(True, 0x400000, 0x402000, "/bin/synthetic", "r-x")
        self.vma(True, 0x7ffffffde000, 0x7ffffffff000, "[stack]")
        self.fault(0x7fffffffe000, (0x7ffffffde000, 0x7ffffffff000))
        while self.events < events:
            self.map_touch_unmap(self.random.randrange(1, 600))
        self.event("end", how="status", status=0)
        self.trailer()


def write_million(path, events=1_000_000, block=20_000):
    """A trace of so many events at least: a program that does the same again and again."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as once:
        Writer(once).run(block)
        once.seek(0)
        lines = [line.split(",", 2) for line in once]
    header, body, (end, _) = lines[0], lines[1:-2], lines[-2:]
    # What the start maps stays mapped; what follows is all gone again at the block's end.
    start = 1 + max(i for i, (_, _, rest) in enumerate(body) if "[stack]" in rest)
    ns = 1 + int(end[1].split(":")[1])
    seq = 0
    with open(path, "w", encoding="utf-8") as out:
        out.write(",".join(header))
        for turn in range(-(-events // (len(body) - start))):
            for _, t, rest in body[start if turn else 0:]:
                seq += 1
                out.write(f'{{"seq":{seq},"t":{int(t[4:]) + turn * ns},{rest}')
        out.write(json.dumps({"type": "trailer", "events": seq, "lost": 0}) + "\n")
    return seq


class Replay:
    """A trace's events, applied in their order: what the page must show."""

    def __init__(self):
        self.vmas = {}
        self.tables = {}  # gpa: (level, {index: value})
        self.kinds = {}

    def apply(self, e):
        kind = e["type"]
        if kind == "vma":
            if e.get("added"):
                self.vmas[int(e["start"], 16)] = e
            else:
                del self.vmas[int(e["start"], 16)]
        elif kind == "table":
            if e.get("made"):
                self.tables[int(e["gpa"], 16)] = (e["level"], {})
            else:
                del self.tables[int(e["gpa"], 16)]
        elif kind == "entries":
            slots = self.tables[int(e["table"], 16)][1]
            for i in range(e["n"]):
                value = (int(e["value"], 16) + i * int(e["step"], 16)) % 2**64
                if value:
                    slots[e["index"] + i] = value
                else:
                    slots.pop(e["index"] + i, None)
        elif kind == "fault":
            self.kinds[e["kind"]] = self.kinds.get(e["kind"], 0) + 1

    def counts(self):
        """How many tables there are by level, and how many pages have an entry."""
        tables = {name: sum(1 for level, _ in self.tables.values() if level == name) for name in NUMBERS}
        pages = 0
        for level, slots in self.tables.values():
            for value in slots.values():
                if level == "pte":
                    pages += value & 1
                elif level == "pmd" and value & 0x81 == 0x81:
                    pages += SLOTS
        return tables, pages

    def list_vmas(self):
        rows = []
        for start in sorted(self.vmas):
            v = self.vmas[start]
            prot = v["prot"] + ("s" if v.get("shared") else "p")
            rows.append((v["start"], v["end"], prot, v.get("offset", "0x0"), v.get("name", "").rsplit("/", 1)[-1]))
        return rows


def read(path):
    """The header, the events, the trailer or None."""
    with open(path, encoding="utf-8") as lines:
        parsed = [json.loads(line) for line in lines]
    trailer = parsed.pop() if parsed[-1]["type"] == "trailer" else None
    return parsed[0], parsed[1:], trailer
