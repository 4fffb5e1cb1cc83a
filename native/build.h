/* One sandboxed build, in a process of its own. */
#ifndef DEVENV_BUILD_H
#define DEVENV_BUILD_H

#include <stddef.h>

/* Closes every descriptor but the standard streams and `kept` (3 or more). */
void build_close_others(int kept);

/*
 * Runs the build that `specification` (build-specification.h; it is written to) describes and waits for it. Standard input,
 * output and error are the builder's. What became of it is written to `report_fd` (3 or more) as NUL-terminated words:
 *
 *     exited STATUS | killed SIGNAL | failed STEP ERROR
 *
 * Gives this process's own exit status, which says nothing more. SIGTERM ends the build.
 */
int build_run(char *specification, size_t length, int report_fd);

#endif
