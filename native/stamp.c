/* Activation stamps: see stamp.h. */
#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dotenv.h"

/* Seconds by which the noted time of the last use may be late. */
#define USE_GRAIN (24 * 60 * 60)

#define STAMP_LIMIT (64u << 20)

enum tag {
	TAG_PROJECT,
	TAG_LASTING,
	TAG_FILE,
	TAG_LINK,
	TAG_ABSENT,
	TAG_PRESENT,
	TAG_VARIABLE,
	TAG_NO_VARIABLE,
	TAG_ROOT,
	TAG_STORE,
	TAG_ETC,
	TAG_RUNTIME,
	TAG_HOST_LOG,
	TAG_AS_USER,
	TAG_DOTENV,
	TAG_SET,
	TAG_UNSET,
	TAG_PREPEND,
	TAG_APPEND,
	TAG_REHOST,
	TAG_CLEAN,
	TAG_KEEP,
	TAG_SHELL,
	TAG_LIVE,
	TAG_ALLOWED_CONTENT,
	TAG_END,
};

static const struct {
	const char *name;
	size_t fields;
} tags[] = {
	[TAG_PROJECT] = {"project", 1},   [TAG_LASTING] = {"lasting", 1},   [TAG_FILE] = {"file", 6},
	[TAG_LINK] = {"link", 6},         [TAG_ABSENT] = {"absent", 1},     [TAG_PRESENT] = {"present", 1},
	[TAG_VARIABLE] = {"variable", 2}, [TAG_NO_VARIABLE] = {"no-variable", 1},
	[TAG_ROOT] = {"root", 1},         [TAG_STORE] = {"store", 1},       [TAG_ETC] = {"etc", 1},
	[TAG_RUNTIME] = {"runtime", 1},   [TAG_HOST_LOG] = {"host-log", 1}, [TAG_AS_USER] = {"as-user", 1},
	[TAG_DOTENV] = {"dotenv", 1},
	[TAG_SET] = {"set", 2},           [TAG_UNSET] = {"unset", 1},       [TAG_PREPEND] = {"prepend", 3},
	[TAG_APPEND] = {"append", 3},     [TAG_REHOST] = {"rehost", 1},     [TAG_CLEAN] = {"clean", 0},
	[TAG_KEEP] = {"keep", 1},         [TAG_SHELL] = {"shell", 1},       [TAG_LIVE] = {"live", 1},
	[TAG_ALLOWED_CONTENT] = {"allowed-content", 1},
	[TAG_END] = {"end", 0},
};

#define MOST_FIELDS 6

/* A place in the file's fields. */
struct reader {
	char *at;
	char *end;
};

static char *next_field(struct reader *reader)
{
	if (reader->at >= reader->end)
		return NULL;
	char *field = reader->at;
	char *nul = memchr(field, '\0', (size_t)(reader->end - field));
	if (nul == NULL)
		return NULL;
	reader->at = nul + 1;
	return field;
}

/* Reads one record; its tag, or -1 where the file is damaged or from another version. */
static int next_record(struct reader *reader, char **fields)
{
	char *name = next_field(reader);
	if (name == NULL)
		return -1;
	for (size_t tag = 0; tag < sizeof tags / sizeof *tags; tag++) {
		if (strcmp(name, tags[tag].name) != 0)
			continue;
		for (size_t index = 0; index < tags[tag].fields; index++)
			if ((fields[index] = next_field(reader)) == NULL)
				return -1;
		return (int)tag;
	}
	return -1;
}

static int open_records(struct reader *reader, const struct stamp *stamp)
{
	reader->at = stamp->data;
	reader->end = stamp->data + stamp->length;
	const char *magic = next_field(reader);
	const char *version = next_field(reader);
	return magic != NULL && version != NULL && strcmp(magic, "devenv-stamp") == 0 && strcmp(version, "1") == 0 ? 0 : -1;
}

static void add_change(struct stamp *stamp, const char *kind, char **fields, size_t count)
{
	if (stamp->change_count % 64 == 0) {
		size_t capacity = (stamp->change_count / 64 + 1) * 64;
		struct change *changes = reallocarray(stamp->changes, capacity, sizeof *changes);
		if (changes == NULL)
			stop(STATUS_FAILED, "out of memory");
		stamp->changes = changes;
	}
	struct change *change = &stamp->changes[stamp->change_count++];
	change->kind = kind;
	change->name = fields[0];
	change->separator = count == 3 ? fields[1] : NULL;
	change->value = count == 3 ? fields[2] : count == 2 ? fields[1] : NULL;
}

/* An absolute path, or NULL with `*bad` set. */
static char *absolute(char *path, int *bad)
{
	if (path[0] != '/')
		*bad = 1;
	return path;
}

static const char *take_records(struct stamp *stamp)
{
	struct reader reader;
	char *fields[MOST_FIELDS];
	int bad = 0;
	if (open_records(&reader, stamp) < 0)
		return "it is of another version";
	for (;;) {
		int tag = next_record(&reader, fields);
		if (tag < 0 || bad)
			return "it is damaged";
		switch ((enum tag)tag) {
		case TAG_PROJECT: stamp->project = absolute(fields[0], &bad); break;
		case TAG_LASTING: stamp->lasting = strcmp(fields[0], "1") == 0; break;
		case TAG_ROOT: stamp->view.root = absolute(fields[0], &bad); break;
		case TAG_STORE: stamp->view.store = absolute(fields[0], &bad); break;
		case TAG_ETC: stamp->view.etc = absolute(fields[0], &bad); break;
		case TAG_RUNTIME: stamp->view.runtime = absolute(fields[0], &bad); break;
		case TAG_HOST_LOG: stamp->view.host_log = absolute(fields[0], &bad); break;
		case TAG_AS_USER: stamp->view.as_user = (unsigned)strtoul(fields[0], NULL, 10); break;
		case TAG_DOTENV: strings_add(&stamp->dotenv, absolute(fields[0], &bad)); break;
		case TAG_SET: add_change(stamp, "set", fields, 2); break;
		case TAG_UNSET: add_change(stamp, "unset", fields, 1); break;
		case TAG_PREPEND: add_change(stamp, "prepend", fields, 3); break;
		case TAG_APPEND: add_change(stamp, "append", fields, 3); break;
		case TAG_REHOST: add_change(stamp, "rehost", fields, 1); break;
		case TAG_CLEAN: stamp->clean = 1; break;
		case TAG_KEEP: strings_add(&stamp->keep, fields[0]); break;
		case TAG_SHELL: strings_add(&stamp->shell, fields[0]); break;
		case TAG_LIVE: stamp->live = absolute(fields[0], &bad); break;
		case TAG_ALLOWED_CONTENT: stamp->allowed_content = absolute(fields[0], &bad); break;
		case TAG_END:
			if (stamp->view.root != NULL && (stamp->view.store == NULL || stamp->view.etc == NULL))
				return "it is damaged";
			return NULL;
		case TAG_FILE:
		case TAG_LINK:
		case TAG_ABSENT:
		case TAG_PRESENT:
		case TAG_VARIABLE:
		case TAG_NO_VARIABLE: break; /* for stamp_holds */
		}
	}
}

const char *stamp_read(const char *path, struct stamp *stamp)
{
	memset(stamp, 0, sizeof *stamp);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return strerror(errno);
	struct stat info;
	const char *problem = NULL;
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
		problem = "it is not a file";
	else if (info.st_uid != geteuid() || (info.st_mode & 022) != 0)
		problem = "it belongs to, or can be written by, someone else";
	else if (info.st_size > (off_t)STAMP_LIMIT)
		problem = "it is too large";
	struct text text = {0};
	if (problem == NULL && read_all(fd, &text, STAMP_LIMIT) < 0)
		problem = strerror(errno);
	close(fd);
	if (problem != NULL)
		return problem;
	stamp->data = text.data;
	stamp->length = text.length;
	stamp->used = info.st_mtime;
	return take_records(stamp);
}

void stamp_note_use(const char *path, const struct stamp *stamp)
{
	if (time(NULL) - stamp->used > USE_GRAIN)
		utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

static int64_t nanoseconds(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int same(const char *decimal, int64_t value)
{
	return strtoll(decimal, NULL, 10) == value;
}

/* fields: path, device, inode, size, mtime, ctime */
static int unchanged(char **fields, int follow)
{
	struct stat info;
	if ((follow ? stat(fields[0], &info) : lstat(fields[0], &info)) < 0)
		return 0;
	return same(fields[2], (int64_t)info.st_ino) && same(fields[3], (int64_t)info.st_size) &&
	       same(fields[4], nanoseconds(info.st_mtim)) && same(fields[5], nanoseconds(info.st_ctim)) &&
	       strtoull(fields[1], NULL, 10) == (uint64_t)info.st_dev;
}

/* Whether the record of a tracked file says what it is now. */
static int as_recorded(const struct stamp *stamp, const char *path)
{
	struct reader reader;
	char *fields[MOST_FIELDS];
	if (open_records(&reader, stamp) < 0)
		return 0;
	for (;;) {
		int tag = next_record(&reader, fields);
		if (tag < 0 || tag == TAG_END)
			return 0;
		if (tag == TAG_FILE && strcmp(fields[0], path) == 0)
			return unchanged(fields, 1);
	}
}

void stamp_load_variables(struct stamp *stamp, int allowed)
{
	for (size_t index = 0; index < stamp->dotenv.count; index++) {
		const char *path = stamp->dotenv.items[index];
		if (!allowed || as_recorded(stamp, path))
			dotenv_read(path, &stamp->variables);
		else
			warn_user("%s has changed and is left out; `devenv shims` in its project takes it", path);
	}
}

static int absent(const char *path)
{
	struct stat info;
	return stat(path, &info) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
}

static int present(const char *path)
{
	struct stat info;
	return lstat(path, &info) == 0;
}

int stamp_holds(const struct stamp *stamp, const char **why)
{
	struct reader reader;
	char *fields[MOST_FIELDS];
	if (open_records(&reader, stamp) < 0)
		return 0;
	for (;;) {
		int tag = next_record(&reader, fields);
		int holds = 1;
		const char *value;
		switch (tag) {
		case TAG_FILE: holds = unchanged(fields, 1); break;
		case TAG_LINK: holds = unchanged(fields, 0); break;
		case TAG_ABSENT: holds = absent(fields[0]); break;
		case TAG_PRESENT: holds = present(fields[0]); break;
		case TAG_VARIABLE:
			value = getenv(fields[0]);
			holds = value != NULL && strcmp(value, fields[1]) == 0;
			break;
		case TAG_NO_VARIABLE: holds = getenv(fields[0]) == NULL; break;
		case TAG_END: return 1;
		case -1: return 0;
		default: break;
		}
		if (!holds) {
			if (why != NULL)
				*why = fields[0];
			return 0;
		}
	}
}
