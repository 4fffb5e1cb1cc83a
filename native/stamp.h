/*
 * Activation stamps: what a shell needs, written when its environment was made, checked and read when it is entered.
 *
 * A stamp is a sequence of fields, each ended by a NUL byte: the magic "devenv-stamp", the version "1", then records, then
 * "end". A record is a tag and a fixed number of fields (the table in stamp.c; written by packages/shell/src/stamp-file.ts).
 * Numbers are decimal; times are nanoseconds since 1970.
 */
#ifndef DEVENV_STAMP_H
#define DEVENV_STAMP_H

#include <stddef.h>
#include <time.h>

#include "text.h"

/* The view to enter; `root` NULL: none. All paths are absolute. */
struct view_spec {
	/* The FHS root object and the folder of store objects, where they lie on this machine. */
	char *root;
	char *store;
	/* The composed /etc. */
	char *etc;
	/* Folder of mode 0700 for the host agent's socket; NULL: no agent. */
	char *runtime;
	/* File that gets the name of every host program used; may be NULL. */
	char *host_log;
	/* Show a root caller as this ordinary user (0: no). */
	unsigned as_user;
};

/* One change of the environment, in order. */
struct change {
	/* "set", "unset", "prepend" and "append" (list elements that are there already move), "rehost" (a path of the host's
	 * /usr or /etc that the view hides is replaced by its place under the host tree). */
	const char *kind;
	char *name;
	char *separator;
	char *value;
};

struct stamp {
	char *project;
	/* 0: for one entry right after it was written. */
	int lasting;
	struct view_spec view;
	struct change *changes;
	size_t change_count;
	/* Files of variables that come before the changes, absolute; and, once stamp_load_variables was called, what they hold: names and
	 * values in turns. */
	struct strings dotenv;
	struct strings variables;
	/* Start from an empty environment and these variables of the caller. */
	int clean;
	struct strings keep;
	/* Program and arguments of the interactive shell. */
	struct strings shell;
	/* The runtime folder of the daemon that the interactive shell follows; NULL: it follows none. */
	char *live;
	/* The file that is there if this content may be entered without being asked for; may be NULL. */
	char *allowed_content;
	/* When the file was written or last used, in seconds since 1970. */
	time_t used;
	/* The file's bytes and where its tracked records are, for stamp_holds. */
	char *data;
	size_t length;
};

/* Reads a stamp or a view specification; NULL, or why it cannot be used. Files that others own or may write are refused. */
const char *stamp_read(const char *path, struct stamp *stamp);

/* Reads the stamp's files of variables, which a view may hide. `allowed`: only those that are as they were recorded; the user is told of
 * others. */
void stamp_load_variables(struct stamp *stamp, int allowed);

/* Notes that the stamp was used, in its file's time, to the day: how old a project's last use is. */
void stamp_note_use(const char *path, const struct stamp *stamp);

/* Whether every tracked path and variable is as recorded. `why` (may be NULL) gets the first that is not. */
int stamp_holds(const struct stamp *stamp, const char **why);

#endif
