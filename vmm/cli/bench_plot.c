/* SPDX-License-Identifier: MIT */
/*
 * bench_plot.c: the figures of `mapvisor bench` as an SVG: a row each, on a logarithmic axis of time,
 * the sandbox's p50 with a line from min to p99, beside native's and the floor's.
 */
#include <math.h>
#include <string.h>

#include "vmm/cli/bench.h"
#include "vmm/cli/machine.h"

#define WIDTH 1040
#define LEFT 210  /* of the axis; names stand before it */
#define RIGHT 720 /* ... and figures behind it */
#define TOP 118
#define ROW 26
#define FONT "ui-sans-serif, system-ui, sans-serif"
#define MONO "ui-monospace, 'DejaVu Sans Mono', monospace"

/* The axis, in powers of ten of ns. */
struct axis {
	int first, last;
};

/* ns in one of a metric's units; 0: it isn't a time. */
static double unit_ns(const struct metric *m)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 }, { "ns/page", 1 }, { "us", 1e3 }, { "ms", 1e6 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(m->unit, units[i].unit))
			return units[i].ns;
	return 0;
}

static double quantile_ns(const struct metric *m, const struct samples *s, double q)
{
	return fmax(samples_quantile(s, q) * unit_ns(m), 1); /* the axis has no zero */
}

static void widen(struct axis *axis, const struct metric *m, const struct samples *s)
{
	if (!s->n || !unit_ns(m))
		return;
	axis->first = fmin(axis->first, floor(log10(quantile_ns(m, s, 0))));
	axis->last = fmax(axis->last, ceil(log10(quantile_ns(m, s, 0.99))));
}

static struct axis axis_of(const struct bench *bench, const struct metric *metrics)
{
	struct axis axis = { 3, 4 };

	for (int i = 0; i < NR_METRICS; i++) {
		if (!bench->results[i].shown)
			continue;
		widen(&axis, &metrics[i], &bench->results[i].own);
		widen(&axis, &metrics[i], &bench->results[i].native);
		widen(&axis, &metrics[i], &bench->results[i].floor);
	}
	return axis;
}

static double x_of(const struct axis *axis, double ns)
{
	return LEFT +
	       (log10(ns) - axis->first) / (axis->last - axis->first) * (RIGHT - LEFT);
}

/* What the machine says of itself is no markup. */
static void put_text(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '&' || *s == '<' || *s == '>')
			fprintf(out, "&#%d;", *s);
		else if (*s >= ' ' && *s < 0x7f)
			putc(*s, out);
	}
}

/* Behind the point, for three figures that count. */
static int digits_of(double value)
{
	return value < 9.95 ? 2 : value < 99.5 ? 1 : 0;
}

static const char *time_text(char buf[16], double ns)
{
	static const char *const units[] = { "ns", "µs", "ms", "s" };
	size_t i = 0;

	while (ns >= 999.5 && i + 1 < ARRAY_SIZE(units)) {
		ns /= 1000;
		i++;
	}
	snprintf(buf, 16, "%.*f %s", digits_of(ns), ns, units[i]);
	return buf;
}

static void put_head(const struct bench *bench, int height, FILE *out)
{
	char cpu[128], kernel[128], date[16];

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title\">\n"
		"<title id=\"title\">mapvisor bench</title>\n"
		"<style>\n"
		"svg { --back: #fff; --ink: #1a1a1a; --soft: #5c5c5c; --line: #e2e2e2; "
		"--own: #0b61a4; --native: #b3540a; --floor: #555; --bad: #b00020; }\n"
		"@media (prefers-color-scheme: dark) { svg { --back: #15181c; --ink: #e8e8e8; "
		"--soft: #a6a6a6; --line: #31363d; --own: #5db4f5; --native: #f0a35e; "
		"--floor: #b5b5b5; --bad: #ff7a85; } }\n"
		"text { fill: var(--ink); font: 12px " FONT "; }\n"
		".name, .figure { font-family: " MONO "; }\n"
		".soft { fill: var(--soft); }\n"
		".bad { fill: var(--bad); font-weight: 600; }\n"
		".grid { stroke: var(--line); }\n"
		".own { stroke: var(--own); fill: var(--own); stroke-width: 2; }\n"
		".native { stroke: var(--native); fill: var(--back); stroke-width: 2; }\n"
		".floor { stroke: var(--floor); stroke-width: 2; }\n"
		"</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" style=\"fill: var(--back)\"/>\n"
		"<text x=\"20\" y=\"32\" style=\"font-size: 18px; font-weight: 600\">"
		"mapvisor bench</text>\n<text x=\"20\" y=\"54\" class=\"soft\">",
		WIDTH, height, WIDTH, height);
	put_text(out, machine_cpu(cpu, sizeof(cpu)));
	fputs(", Linux ", out);
	put_text(out, machine_kernel(kernel, sizeof(kernel)));
	fprintf(out, ", %s, second stage %s, SYSCALL in ring %d, %s</text>\n",
		bench->host.module, bench->host.stage2, bench->host.syscall_ring3 ? 3 : 0,
		machine_date(date, sizeof(date)));
}

/* The three marks; at (x, y). */
static void put_own(double x, double y, FILE *out)
{
	fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"own\"/>\n", x, y);
}

static void put_native(double x, double y, FILE *out)
{
	fprintf(out, "<path d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\" class=\"native\"/>\n", x,
		y - 5);
}

static void put_floor(double x, double y, FILE *out)
{
	fprintf(out, "<path d=\"M%.1f %.1fv16\" class=\"floor\"/>\n", x, y - 8);
}

static void put_legend(FILE *out)
{
	const double y = 76;

	put_own(26, y - 4, out);
	fprintf(out, "<text x=\"38\" y=\"%.0f\">in the sandbox: p50, min to p99</text>\n",
		y);
	put_native(246, y - 4, out);
	fprintf(out, "<text x=\"258\" y=\"%.0f\">native, p50</text>\n", y);
	put_floor(346, y - 4, out);
	fprintf(out, "<text x=\"358\" y=\"%.0f\">this machine's floor, p50</text>\n", y);
}

static void put_axis(const struct axis *axis, int height, FILE *out)
{
	static const char *const units[] = { "ns", "µs", "ms", "s", "000 s" };

	for (int i = axis->first; i <= axis->last; i++) {
		double x = x_of(axis, pow(10, i));

		fprintf(out,
			"<path d=\"M%.1f %dV%d\" class=\"grid\"/>\n"
			"<text x=\"%.1f\" y=\"%d\" class=\"soft\" text-anchor=\"middle\">",
			x, TOP - 10, height - 20, x, TOP - 16);
		fprintf(out, "%g %s</text>\n", pow(10, i % 3), units[i / 3]);
	}
	fprintf(out,
		"<text x=\"%d\" y=\"%d\" class=\"soft\" text-anchor=\"end\">p50</text>\n"
		"<text x=\"%d\" y=\"%d\" class=\"soft\" text-anchor=\"end\">ratio</text>\n"
		"<text x=\"%d\" y=\"%d\" class=\"soft\">limit</text>\n",
		RIGHT + 90, TOP - 16, RIGHT + 150, TOP - 16, RIGHT + 166, TOP - 16);
}

static void put_marks(const struct axis *axis, const struct metric *m,
		      const struct result *r, double y, FILE *out)
{
	if (!unit_ns(m))
		return;
	fprintf(out, "<path d=\"M%.1f %.1fH%.1f\" class=\"own\"/>\n",
		x_of(axis, quantile_ns(m, &r->own, 0)), y,
		x_of(axis, quantile_ns(m, &r->own, 0.99)));
	if (r->floor.n)
		put_floor(x_of(axis, quantile_ns(m, &r->floor, 0.5)), y, out);
	if (r->native.n)
		put_native(x_of(axis, quantile_ns(m, &r->native, 0.5)), y, out);
	put_own(x_of(axis, quantile_ns(m, &r->own, 0.5)), y, out);
}

static void put_figures(const struct metric *m, const struct result *r, double y, FILE *out)
{
	char buf[32];

	if (unit_ns(m))
		time_text(buf, quantile_ns(m, &r->own, 0.5));
	else
		snprintf(buf, 16, "%.2f %s", samples_quantile(&r->own, 0.5), m->unit);
	fprintf(out,
		"<text x=\"%d\" y=\"%.1f\" class=\"figure\" text-anchor=\"end\">%s%s</text>\n",
		RIGHT + 90, y, buf, strstr(m->unit, "/page") ? "/pg" : "");
	if (r->ratio.n)
		fprintf(out,
			"<text x=\"%d\" y=\"%.1f\" class=\"figure\" text-anchor=\"end\">"
			"%.*f</text>\n",
			RIGHT + 150, y, digits_of(samples_quantile(&r->ratio, 0.5)),
			samples_quantile(&r->ratio, 0.5));
	if (has_limit(m))
		fprintf(out, "<text x=\"%d\" y=\"%.1f\" class=\"%s\">%s%s</text>\n",
			RIGHT + 166, y, is_met(m, r) ? "soft" : "bad", limit_text(buf, m),
			is_met(m, r) ? "" : " not met");
}

void bench_plot(const struct bench *bench, const struct metric *metrics, FILE *out)
{
	const struct axis axis = axis_of(bench, metrics);
	int rows = 0, height;
	double y = TOP + 8;

	for (int i = 0; i < NR_METRICS; i++)
		rows += bench->results[i].shown;
	height = TOP + rows * ROW + 24;
	put_head(bench, height, out);
	put_legend(out);
	put_axis(&axis, height, out);
	for (int i = 0; i < NR_METRICS; i++) {
		const struct result *r = &bench->results[i];

		if (!r->shown)
			continue;
		fprintf(out, "<g><title>%s: ", metrics[i].name);
		put_text(out, metrics[i].what);
		fprintf(out,
			"</title>\n<text x=\"%d\" y=\"%.1f\" class=\"name\" "
			"text-anchor=\"end\">%s</text>\n",
			LEFT - 16, y + 4, metrics[i].name);
		put_marks(&axis, &metrics[i], r, y, out);
		put_figures(&metrics[i], r, y + 4, out);
		fputs("</g>\n", out);
		y += ROW;
	}
	fputs("</svg>\n", out);
}
