/* SPDX-License-Identifier: MIT */
/* page.S: the page of `mapvisor report`, as data: page.html, page.css, and the scripts in a row. */
	.section .rodata.report, "a", @progbits

	.globl report_page, report_page_end
report_page:
	.incbin "vmm/cli/report/page.html"
report_page_end:

	.globl report_style, report_style_end
report_style:
	.incbin "vmm/cli/report/page.css"
report_style_end:

	.globl report_script, report_script_end
report_script:
	.incbin "vmm/cli/report/data.js"
	.incbin "vmm/cli/report/replay.js"
	.incbin "vmm/cli/report/text.js"
	.incbin "vmm/cli/report/heat.js"
	.incbin "vmm/cli/report/curve.js"
	.incbin "vmm/cli/report/tables.js"
	.incbin "vmm/cli/report/panels.js"
	.incbin "vmm/cli/report/events.js"
	.incbin "vmm/cli/report/main.js"
report_script_end:

	.section .note.GNU-stack, "", @progbits
