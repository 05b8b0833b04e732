/* SPDX-License-Identifier: MIT */
/* generate.h: steps made at random, and steps in words. */
#ifndef ORACLE_GENERATE_H
#define ORACLE_GENERATE_H

#include <stdio.h>

#include "tests/oracle/step.h"

/* n steps that a seed stands for; the last is an OP_STATE. */
void generate(uint64_t seed, struct oracle_step *steps, unsigned n);
/* A step as a line of C. */
void print_step(FILE *out, const struct oracle_step *s);

#endif
