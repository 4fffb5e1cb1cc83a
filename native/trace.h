/*
 * `devenv --trace FILE`: what this program spends its time on, as lines of the file that DEVENV_TRACE_FILE names.
 *
 * The format is the array form of the Trace Event Format, which Perfetto and Chromium read: the launcher begins the
 * array, every process appends complete events ("ph":"X"), and the closing bracket may be missing. Microseconds since
 * the epoch on the clock that node's `performance.timeOrigin` is of.
 */
#ifndef DEVENV_TRACE_H
#define DEVENV_TRACE_H

#include <stdint.h>

/* Opens the file and takes the variable out of the environment, which is the traced program's own. */
void trace_begin(void);

/* For a program that goes on with the same trace: puts the variable back. */
void trace_hand_on(void);

/* The time now; 0 where nothing is traced. */
uint64_t trace_now(void);

/* Writes what took place from `start` until now. `detail` may be NULL. */
void trace_span(const char *name, uint64_t start, const char *detail);

#endif
