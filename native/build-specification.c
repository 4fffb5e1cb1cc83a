#include "build-specification.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static void *grow(void *old, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return old;
	size_t more = *room ? *room * 2 : 64;
	void *grown = allocate(more * size);
	if (*room)
		memcpy(grown, old, *room * size);
	*room = more;
	return grown;
}

static void append_word(struct words *words, char *word)
{
	words->at = grow(words->at, words->count + 1, &words->room, sizeof *words->at);
	words->at[words->count++] = word;
	words->at[words->count] = NULL;
}

static void add_entry(struct specification *spec, int kind, char **arguments, int count)
{
	spec->entries = grow(spec->entries, spec->entry_count, &spec->entry_room, sizeof *spec->entries);
	struct entry *entry = &spec->entries[spec->entry_count++];
	entry->kind = kind;
	for (int i = 0; i < count; i++)
		entry->arguments[i] = arguments[i];
}

enum operation_code {
	OP_ROOT_EMPTY, OP_ROOT_TREE, OP_ROOT_OVERLAY, OP_BASE,
	OP_BIND_RO, OP_BIND_RW, OP_FILE, OP_LINK, OP_TMPFS,
	OP_UID, OP_GID, OP_NETWORK, OP_FAKE_ROOT, OP_HOSTNAME, OP_SECCOMP, OP_CWD, OP_EXEC, OP_ARG, OP_ENV,
};

static const struct operation {
	const char *name;
	int arguments;
} operations[] = {
	[OP_ROOT_EMPTY] = {"root-empty", 0},
	[OP_ROOT_TREE] = {"root-tree", 1},       /* PATH */
	[OP_ROOT_OVERLAY] = {"root-overlay", 3}, /* LOWER UPPER WORK */
	[OP_BASE] = {"base", 1},                 /* PATH */
	[OP_BIND_RO] = {"bind-ro", 2},           /* SOURCE TARGET */
	[OP_BIND_RW] = {"bind-rw", 2},           /* SOURCE TARGET */
	[OP_FILE] = {"file", 3},                 /* PATH OCTAL-MODE TEXT */
	[OP_LINK] = {"link", 2},                 /* PATH TEXT */
	[OP_TMPFS] = {"tmpfs", 1},               /* PATH */
	[OP_UID] = {"uid", 1},
	[OP_GID] = {"gid", 1},
	[OP_NETWORK] = {"network", 0},
	[OP_FAKE_ROOT] = {"fake-root", 0},
	[OP_HOSTNAME] = {"hostname", 1},
	[OP_SECCOMP] = {"seccomp", 1}, /* filter program, in hexadecimal */
	[OP_CWD] = {"cwd", 1},
	[OP_EXEC] = {"exec", 1},
	[OP_ARG] = {"arg", 1}, /* the first is the program's name */
	[OP_ENV] = {"env", 1}, /* NAME=VALUE */
};

static void apply_operation(struct specification *spec, int code, char **arguments)
{
	switch (code) {
	case OP_ROOT_EMPTY: spec->root = ROOT_EMPTY; break;
	case OP_ROOT_TREE: spec->root = ROOT_TREE; spec->tree = arguments[0]; break;
	case OP_ROOT_OVERLAY:
		spec->root = ROOT_OVERLAY;
		spec->tree = arguments[0];
		spec->upper = arguments[1];
		spec->work = arguments[2];
		break;
	case OP_BASE: spec->base = arguments[0]; break;
	case OP_BIND_RO: add_entry(spec, ENTRY_BIND_RO, arguments, 2); break;
	case OP_BIND_RW: add_entry(spec, ENTRY_BIND_RW, arguments, 2); break;
	case OP_FILE: add_entry(spec, ENTRY_FILE, arguments, 3); break;
	case OP_LINK: add_entry(spec, ENTRY_LINK, arguments, 2); break;
	case OP_TMPFS: add_entry(spec, ENTRY_TMPFS, arguments, 1); break;
	case OP_UID: spec->uid = (uid_t)strtoul(arguments[0], NULL, 10); break;
	case OP_GID: spec->gid = (gid_t)strtoul(arguments[0], NULL, 10); break;
	case OP_NETWORK: spec->network = true; break;
	case OP_FAKE_ROOT: spec->fake_root = true; break;
	case OP_HOSTNAME: spec->hostname = arguments[0]; break;
	case OP_SECCOMP: spec->seccomp = arguments[0]; break;
	case OP_CWD: spec->cwd = arguments[0]; break;
	case OP_EXEC: spec->program = arguments[0]; break;
	case OP_ARG: append_word(&spec->arguments, arguments[0]); break;
	case OP_ENV: append_word(&spec->environment, arguments[0]); break;
	}
}

const char *parse_specification(struct specification *spec, char *text, size_t length)
{
	struct words words = {0};
	for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
		if (memchr(text + at, 0, length - at) == NULL)
			return "its end";
		append_word(&words, text + at);
	}
	const int known = sizeof operations / sizeof *operations;
	for (size_t i = 0; i < words.count;) {
		int code = 0;
		while (code < known && strcmp(operations[code].name, words.at[i]) != 0)
			code++;
		if (code == known || i + 1 + (size_t)operations[code].arguments > words.count)
			return words.at[i];
		apply_operation(spec, code, words.at + i + 1);
		i += 1 + (size_t)operations[code].arguments;
	}
	if (spec->environment.at == NULL) {
		append_word(&spec->environment, NULL);
		spec->environment.count = 0;
	}
	if (spec->base == NULL || spec->program == NULL || spec->cwd == NULL || spec->arguments.count == 0)
		return "base, exec, arg or cwd, which are missing";
	return NULL;
}
