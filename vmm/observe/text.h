/* SPDX-License-Identifier: MIT */
/*
 * text.h: text that somebody hostile may have chosen, on its way to a person: names of files and memfds, symbols,
 * what a file says of itself. Shown as it is, it could steer a terminal, or forge a line.
 */
#ifndef OBSERVE_TEXT_H
#define OBSERVE_TEXT_H

#include <stddef.h>

/*
 * The bytes of the character at text, 1 to 4; 0 where it is a control character (C0, DEL, C1), or no UTF-8,
 * of which a terminal may take any byte for one. mv_print_text() shows such a byte in octal.
 */
size_t text_plain(const char *text);

/* Make '?' of each such byte. */
void text_hide(char *text);

#endif
