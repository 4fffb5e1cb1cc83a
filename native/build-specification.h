/*
 * What a build is given: a sequence of NUL-terminated words, an operation followed by its arguments. Its writer is
 * packages/builder/src/helper-specification.ts.
 */
#ifndef DEVENV_BUILD_SPECIFICATION_H
#define DEVENV_BUILD_SPECIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct words {
	char **at;
	size_t count;
	size_t room;
};

/* One mount, file or link to make, in the order of the specification. */
struct entry {
	enum { ENTRY_BIND_RO, ENTRY_BIND_RW, ENTRY_FILE, ENTRY_LINK, ENTRY_TMPFS } kind;
	char *arguments[3];
};

struct specification {
	enum { ROOT_EMPTY, ROOT_TREE, ROOT_OVERLAY } root;
	char *tree, *upper, *work;
	/* An empty folder of the host, above none of the sources, to build the new root on. */
	char *base;
	struct entry *entries;
	size_t entry_count, entry_room;
	struct words arguments, environment;
	char *program, *cwd, *hostname;
	char *seccomp;
	uid_t uid;
	gid_t gid;
	bool network, fake_root;
};

/* Reads the words of `text`, which stays in use. NULL, or the word (or a phrase) that is wrong. */
const char *parse_specification(struct specification *spec, char *text, size_t length);

#endif
