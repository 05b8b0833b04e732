/* SPDX-License-Identifier: MIT */
/* record.c: events of an mm. See record.h, and mapvisor/events.h for what they mean. */
#include "vmm/mm/record.h"

#include <string.h>

#include "vmm/mm/pgtable.h"
#include "vmm/observe/clock.h"

/* What lies between the values for two adjoining frames. */
static uint64_t step_of(unsigned level)
{
	return 1ull << level_shift(level);
}

/* Half of the pgd's entries stand for the upper half. */
static gva_t entry_gva(uint32_t place, unsigned index)
{
	return gva_canonical(pt_place_gva(place) + index * step_of(pt_place_level(place)));
}

/* The write goes on where the last event, of the same table, ended. */
static bool extends(const struct mv_event_entries *last, uint64_t table, unsigned index,
		    uint64_t value)
{
	return last->table == table && last->index + last->n == index &&
	       last->value + last->n * last->step == value;
}

void record_entries(struct mm *mm, gfn_t table, const uint64_t *entry, uint64_t value,
		    unsigned n)
{
	const uint32_t place = phys_frame(mm->phys, table)->place;
	const unsigned level = pt_place_level(place);
	const unsigned index = (uintptr_t)entry / sizeof(*entry) % PTRS_PER_TABLE;
	const uint64_t step = value ? step_of(level) : 0;
	struct mv_event *e = events_last(mm->events, MV_EVENT_ENTRIES);

	if (*entry == value && n == 1)
		return;
	if (e && e->entries.step == step &&
	    extends(&e->entries, gfn_gpa(table), index, value)) {
		e->entries.n += n;
		return;
	}
	e = events_add(mm->events, MV_EVENT_ENTRIES);
	if (!e)
		return;
	e->entries = (struct mv_event_entries){
		.table = gfn_gpa(table),
		.level = level,
		.index = index,
		.n = n,
		.gva = entry_gva(place, index),
		.old = *entry,
		.value = value,
		.step = step,
	};
}

void record_table(struct mm *mm, gfn_t table, bool made)
{
	const uint32_t place = phys_frame(mm->phys, table)->place;
	struct mv_event *e = events_add(mm->events, MV_EVENT_TABLE);

	if (e)
		e->table = (struct mv_event_table){ made, pt_place_level(place),
						    gfn_gpa(table), pt_place_gva(place) };
}

static void set_text(struct mm *mm, struct mv_event *e, const char *s)
{
	size_t len = strlen(s);
	char *text = len ? events_text(mm->events, e, len) : NULL;

	if (text)
		memcpy(text, s, len + 1);
}

void record_vma(struct mm *mm, const struct vma *vma, bool added)
{
	struct mv_event *e = events_add(mm->events, MV_EVENT_VMA);

	if (!e)
		return;
	e->vma = (struct mv_event_vma){
		.added = added,
		.start = vma->vm_start,
		.end = vma->vm_end,
		.prot = vma->vm_flags & VM_PROT,
		.shared = vma->vm_flags & VM_MAYSHARE,
		.hugetlb = vma->vm_flags & VM_HUGETLB,
		.growsdown = vma->vm_flags & VM_GROWSDOWN,
		.offset = mm_vma_offset(vma),
	};
	set_text(mm, e, mm_vma_name(mm, vma));
}

/* A table, what is in it, and the tables below. */
static void record_tree(struct mm *mm, gfn_t table)
{
	const uint32_t place = phys_frame(mm->phys, table)->place;
	const unsigned level = pt_place_level(place);
	const uint64_t *entry = (uint64_t *)phys_hva(mm->phys, gfn_gpa(table));
	struct mv_event *e;

	record_table(mm, table, true);
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++) {
		if (!entry[i])
			continue;
		e = events_add(mm->events, MV_EVENT_ENTRIES);
		if (e)
			e->entries = (struct mv_event_entries){
				.table = gfn_gpa(table),
				.level = level,
				.index = i,
				.n = 1,
				.gva = entry_gva(place, i),
				.value = entry[i],
				.step = step_of(level),
			};
	}
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++)
		if (entry[i] && !pte_leaf(entry[i], level))
			record_tree(mm, pte_gfn(entry[i]));
}

void record_all(struct mm *mm)
{
	record_tree(mm, mm->pgd);
	for (struct vma *vma = vma_find(mm, 0); vma; vma = vma_next(vma))
		record_vma(mm, vma, true);
}

/* The entries that a walk reads, from the pgd down; how many. */
static uint8_t walk(struct mm *mm, gva_t gva, uint64_t entries[4], struct pt_path *path)
{
	uint8_t n = 0;

	pt_walk(mm, gva, LEVEL_PTE, false, path);
	for (unsigned l = LEVEL_PGD; l >= path->level; l--)
		entries[n++] = *path->entry[l];
	return n;
}

static void describe_frame(struct mv_event_fault *f, const struct pt_path *path)
{
	const uint64_t entry = *pt_last(path);

	if (!(entry & PTE_P))
		return;
	f->size = 1ull << level_shift(path->level);
	f->gpa = (entry & PTE_ADDR & ~(f->size - 1)) | (f->gva & (f->size - 1));
}

static void describe_vma(struct mm *mm, struct mv_event *e)
{
	const struct vma *vma = e->fault.gva < MV_TASK_SIZE ? vma_lookup(mm, e->fault.gva)
							    : NULL;

	if (!vma)
		return;
	e->fault.vma_start = vma->vm_start;
	e->fault.vma_end = vma->vm_end;
	e->fault.vma_offset = mm_vma_offset(vma);
	e->fault.vma_prot = vma->vm_flags & VM_PROT;
	e->fault.vma_shared = vma->vm_flags & VM_MAYSHARE;
	set_text(mm, e, mm_vma_name(mm, vma));
}

static void describe_work(struct mv_event_fault *f, const struct mm_counters *before,
			  const struct mm_counters *after)
{
	f->major = after->major > before->major;
	f->around = (uint32_t)(after->around - before->around);
	f->huge = (uint32_t)(after->huge - before->huge);
	f->copied = (uint32_t)(after->copied - before->copied);
	for (unsigned l = LEVEL_PTE; l <= LEVEL_PGD; l++)
		f->made[LEVEL_PGD - l] =
			(uint32_t)(after->tables_made[l] - before->tables_made[l]);
}

struct mm_fault record_fault(struct mm *mm, gva_t gva, unsigned access, bool guest)
{
	struct events *ev = mm->events;
	const struct mm_counters before = mm->count;
	struct mv_event_fault f = {
		.gva = gva, .rip = ev->rip, .access = access, .host = !guest
	};
	struct pt_path path;
	struct mm_fault end;
	struct mv_event *e;

	if (!guest)
		ev->ns = clock_ns();
	f.nbefore = walk(mm, gva, f.before, &path);
	end = mm_serve_fault(mm, gva, access, guest);
	f.nafter = walk(mm, gva, f.after, &path);
	f.kind = end.kind;
	f.signal = end.signal;
	f.code = end.code;
	describe_frame(&f, &path);
	describe_work(&f, &before, &mm->count);
	e = events_add(ev, MV_EVENT_FAULT);
	if (e) {
		e->fault = f;
		describe_vma(mm, e);
		e->spent = clock_ns() - e->ns;
	}
	return end;
}
