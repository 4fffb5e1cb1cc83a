/*
 * `swap PID ROOT [ETC]`: gives the view that a process of ours lives in another root object (and /etc).
 *
 * Programs keep what they have open; whatever starts or opens files afterwards sees the new root. Every new mount is put
 * beneath the old one, which is then detached: nothing is missing in between (before Linux 6.5: for some microseconds),
 * and the number of mounts stays the same however often it is done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "commands.h"
#include "ns.h"
#include "view.h"

/* Numbers of the kernel interface that the headers of older systems lack; the same on every machine. */
#define CALL_OPEN_TREE 428
#define CALL_MOVE_MOUNT 429
#define CALL_MOUNT_SETATTR 442
#define TREE_CLONE 1u
#define TREE_RECURSIVE 0x8000u
#define MOVE_EMPTY_PATH 4u
#define MOVE_BENEATH 0x200u
#define ATTRIBUTE_READ_ONLY 1u

/* Of mount_setattr. */
struct attributes {
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t user_namespace;
};

static void must(int outcome, const char *what)
{
	if (outcome < 0)
		stop(STATUS_FAILED, "cannot change the root of the running shell: %s: %s", what, strerror(errno));
}

/* Every mount in a view lies on its tmpfs, and no source is on that one. */
static int is_mount_point(const char *path)
{
	struct stat own, top;
	return stat(path, &own) == 0 && stat("/", &top) == 0 && own.st_dev != top.st_dev;
}

static int bind_beneath(const char *source, const char *target, int read_only)
{
	int tree = (int)syscall(CALL_OPEN_TREE, AT_FDCWD, source, TREE_CLONE | O_CLOEXEC | TREE_RECURSIVE);
	if (tree < 0)
		return -1;
	struct attributes attributes = {.set = ATTRIBUTE_READ_ONLY};
	int outcome = 0;
	if (read_only)
		outcome = (int)syscall(CALL_MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
	if (outcome == 0)
		outcome = (int)syscall(CALL_MOVE_MOUNT, tree, "", AT_FDCWD, target, MOVE_EMPTY_PATH | MOVE_BENEATH);
	int saved = errno;
	close(tree);
	errno = saved;
	return outcome < 0 ? -1 : umount2(target, MNT_DETACH);
}

/* Puts `source` where a mount is. */
static int replace(const char *source, const char *target, int read_only)
{
	if (bind_beneath(source, target, read_only) == 0)
		return 0;
	if (umount2(target, MNT_DETACH) < 0)
		return -1;
	return ns_bind(source, target, NS_RECURSIVE | (read_only ? NS_READ_ONLY : 0));
}

/* Removes what an earlier root put at `target`. */
static void clear(const char *target)
{
	struct stat info;
	if (lstat(target, &info) < 0)
		return;
	if (S_ISLNK(info.st_mode)) {
		must(unlink(target), target);
		return;
	}
	if (is_mount_point(target))
		must(umount2(target, MNT_DETACH), target);
	must(S_ISDIR(info.st_mode) ? rmdir(target) : unlink(target), target);
}

/* Puts the entry `source` of the new root at `target`, whatever is there. */
static void put(const char *source, const char *target)
{
	struct stat wanted, present;
	must(lstat(source, &wanted), source);
	int there = lstat(target, &present) == 0;
	if (there && S_ISDIR(wanted.st_mode) && S_ISDIR(present.st_mode) && is_mount_point(target)) {
		must(replace(source, target, 1), target);
		return;
	}
	char one[4096], other[4096];
	if (there && S_ISLNK(wanted.st_mode) && S_ISLNK(present.st_mode)) {
		ssize_t first = readlink(source, one, sizeof one);
		if (first > 0 && readlink(target, other, sizeof other) == first && memcmp(one, other, (size_t)first) == 0)
			return;
	}
	clear(target);
	if (S_ISLNK(wanted.st_mode)) {
		ssize_t length = readlink(source, one, sizeof one - 1);
		must((int)length, source);
		one[length] = '\0';
		must(symlink(one, target), target);
		return;
	}
	if (S_ISDIR(wanted.st_mode))
		must(mkdir(target, 0755), target);
	else
		must(close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0444)), target);
	must(ns_bind(source, target, NS_RECURSIVE | NS_READ_ONLY), target);
}

static struct strings names_in(const char *path)
{
	struct strings names = {0};
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strings_add(&names, join(entry->d_name, NULL));
	if (folder != NULL)
		closedir(folder);
	return names;
}

static int has_name(const struct strings *names, const char *name)
{
	for (size_t index = 0; index < names->count; index++)
		if (strcmp(names->items[index], name) == 0)
			return 1;
	return 0;
}

static void swap_top(const char *before, const char *after)
{
	struct strings old = names_in(before), new = names_in(after);
	for (size_t index = 0; index < new.count; index++)
		if (view_is_root_name(new.items[index]))
			put(join(after, "/", new.items[index], NULL), join("/", new.items[index], NULL));
	for (size_t index = 0; index < old.count; index++)
		if (view_is_root_name(old.items[index]) && !has_name(&new, old.items[index]))
			clear(join("/", old.items[index], NULL));
}

/* Where the folder is the host's, entries are only laid over its own and taken off again; nothing in it is changed. */
static void swap_laid_over(const char *before, const char *after, const char *target)
{
	struct strings old = names_in(before), new = names_in(after);
	struct stat info;
	for (size_t index = 0; index < new.count; index++) {
		char *source = join(after, "/", new.items[index], NULL);
		char *entry = join(target, "/", new.items[index], NULL);
		if (!view_prefers_root(source, join(HOST_TREE, entry, NULL)))
			continue;
		mode_t kind = lstat(source, &info) < 0 ? 0 : info.st_mode & S_IFMT;
		if (kind == S_IFLNK || lstat(entry, &info) < 0 || (info.st_mode & S_IFMT) != kind)
			warn_user("%s of the new root is seen by new shells only", entry);
		else if (view_prefers_root(join(before, "/", new.items[index], NULL), join(HOST_TREE, entry, NULL)))
			must(replace(source, entry, 1), entry);
		else
			must(ns_bind(source, entry, NS_RECURSIVE | NS_READ_ONLY), entry);
	}
	for (size_t index = 0; index < old.count; index++) {
		char *entry = join(target, "/", old.items[index], NULL);
		if (!has_name(&new, old.items[index]) &&
		    view_prefers_root(join(before, "/", old.items[index], NULL), join(HOST_TREE, entry, NULL)))
			must(umount2(entry, MNT_DETACH), entry);
	}
}

/* Where the folder is the view's own, entries come and go; what the new root no longer has is the host's again. */
static void swap_composed(const char *before, const char *after, const char *target)
{
	struct strings old = names_in(before), new = names_in(after);
	must(ns_writable(target), target);
	for (size_t index = 0; index < new.count; index++) {
		char *source = join(after, "/", new.items[index], NULL);
		char *entry = join(target, "/", new.items[index], NULL);
		if (view_prefers_root(source, join(HOST_TREE, entry, NULL)))
			put(source, entry);
	}
	for (size_t index = 0; index < old.count; index++) {
		char *entry = join(target, "/", old.items[index], NULL);
		char *host_entry = join(HOST_TREE, entry, NULL);
		if (has_name(&new, old.items[index]) ||
		    !view_prefers_root(join(before, "/", old.items[index], NULL), host_entry))
			continue;
		clear(entry);
		if (view_keep(host_entry, entry) < 0 && errno != ENOENT)
			warn_user("the view lacks %s: %s", entry, strerror(errno));
	}
	must(ns_read_only(target), target);
}

static void swap_merged(const char *before, const char *after, const char *folder)
{
	char *target = join("/", folder, NULL);
	char *old = join(before, "/", folder, NULL);
	char *new = join(after, "/", folder, NULL);
	if (is_mount_point(target))
		swap_laid_over(old, new, target);
	else if (names_in(old).count > 0)
		swap_composed(old, new, target);
}

static int open_namespace(const char *process, const char *kind)
{
	int fd = open(join("/proc/", process, "/ns/", kind, NULL), O_RDONLY | O_CLOEXEC);
	must(fd, "the process");
	return fd;
}

int swap_main(int argc, char **argv)
{
	if (argc < 3 || argc > 4 || argv[1][strspn(argv[1], "0123456789")] != '\0' || argv[2][0] != '/')
		stop(STATUS_FAILED, "usage: swap PID ROOT [ETC]");
	int user = open_namespace(argv[1], "user");
	int mounts = open_namespace(argv[1], "mnt");
	must(setns(user, CLONE_NEWUSER), "its user namespace");
	must(setns(mounts, CLONE_NEWNS), "its mount namespace");
	char before[4096];
	ssize_t length = readlink("/.devenv/root", before, sizeof before - 1);
	must((int)length, "process is not in a view");
	before[length] = '\0';
	struct stat info;
	must(stat(argv[2], &info), argv[2]);
	must(ns_writable("/"), "/");
	swap_top(before, argv[2]);
	for (size_t index = 0; view_merged_folders[index] != NULL; index++)
		swap_merged(before, argv[2], view_merged_folders[index]);
	if (argc == 4)
		must(replace(argv[3], "/etc", 0), "/etc");
	must(unlink("/.devenv/root"), "/.devenv/root");
	must(symlink(argv[2], "/.devenv/root"), "/.devenv/root");
	must(ns_read_only("/"), "/");
	return 0;
}
