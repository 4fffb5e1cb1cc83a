/*
 * From a stamp to a shell.
 *
 *   launch FALLBACK… -- ARGUMENT…   where ARGUMENT… is `shell` or `shell -- CMD…` (with `--user` before the `--`) and the
 *                                   project's stamp still holds: enters; else becomes FALLBACK… ARGUMENT…; `shell
 *                                   --ambient` holds only where the content is allowed
 *   enter STAMP [-- CMD…]           enters with a stamp just written, whatever its inputs are
 *
 * Stamps lie in the caller's state folder (DEVENV_HOME, XDG_STATE_HOME or HOME, as homeLayout of packages/protocol).
 */
#ifndef DEVENV_LAUNCH_H
#define DEVENV_LAUNCH_H

#include "stamp.h"

/*
 * Brings the environment from the caller's to the one that the stamp asks for. An `interactive` shell is told what the
 * variables were, in `__DEVENV_HAD_<name>`.
 */
void apply_changes(const struct stamp *stamp, int interactive);

/* The same for a program: what the caller has set of the environment's own variables stays where `keep_set`. */
void apply_changes_beneath(const struct stamp *stamp, int keep_set);

/* The state and the runtime folder that the variables name, or NULL. */
char *state_folder(void);
char *runtime_folder(void);

/* 16 hex digits that stand for a project folder in names of files, as projectHash of packages/shell. */
char *project_hash(const char *project);

/* The stamp's path for a project folder, or NULL where the variables name no state folder. */
char *stamp_path(const char *project, int as_user);

/* The nearest folder upward that has an env.yaml, or NULL. */
char *find_project(void);

#endif
