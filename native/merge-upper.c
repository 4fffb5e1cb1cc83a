/*
 * devenv-helper merge-upper UPPER TREE
 *
 * Applies an overlay file system's upper folder (made with `userxattr`) to the tree that was its lower folder: moves what is
 * new or changed, removes what was deleted. Both must lie on one file system. Files of the tree are replaced, never written
 * in place: their inodes may be shared.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "commands.h"
#include "text.h"

static int complain(const char *what, const char *path)
{
	fprintf(stderr, "merge-upper: cannot %s %s: %s\n", what, path, strerror(errno));
	return -1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)walk;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

/* chmod first: rmdir needs to write the folder, which the tree's own folders may forbid. */
static int allow_writing(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)walk;
	return type == FTW_D || type == FTW_DNR ? chmod(path, info->st_mode | 0700) : 0;
}

static int remove_tree(const char *path)
{
	struct stat info;
	if (lstat(path, &info) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISDIR(info.st_mode))
		return unlink(path);
	if (nftw(path, allow_writing, 64, FTW_PHYS) != 0)
		return -1;
	return nftw(path, remove_one, 64, FTW_PHYS | FTW_DEPTH);
}

static bool is_opaque(const char *path)
{
	char value;
	return lgetxattr(path, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* The overlay's own notes on files would otherwise stay on what is moved. */
static void remove_notes(const char *path)
{
	static const char *const notes[] = {
		"user.overlay.opaque", "user.overlay.origin", "user.overlay.impure",
		"user.overlay.nlink", "user.overlay.redirect", "user.overlay.uuid",
	};
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		lremovexattr(path, notes[i]);
}

static int merge_folder(const char *upper, const char *tree);

static int merge_entry(const char *upper, const char *tree)
{
	struct stat above, below;
	if (lstat(upper, &above) < 0)
		return complain("read", upper);
	bool exists = lstat(tree, &below) == 0;
	if (S_ISCHR(above.st_mode) && above.st_rdev == makedev(0, 0))
		return remove_tree(tree) < 0 ? complain("remove", tree) : 0;
	if (!S_ISDIR(above.st_mode)) {
		if (exists && S_ISDIR(below.st_mode) && remove_tree(tree) < 0)
			return complain("remove", tree);
		/* A socket or a FIFO that a script left has no place in a store object. */
		if (!S_ISREG(above.st_mode) && !S_ISLNK(above.st_mode))
			return 0;
		if (S_ISREG(above.st_mode)) {
			remove_notes(upper);
			/* Whoever hashes the tree must be able to read it. */
			if (!(above.st_mode & S_IRUSR) && chmod(upper, above.st_mode | S_IRUSR) < 0)
				return complain("make readable", upper);
		}
		return rename(upper, tree) < 0 ? complain("replace", tree) : 0;
	}
	if (exists && (is_opaque(upper) || !S_ISDIR(below.st_mode))) {
		if (remove_tree(tree) < 0)
			return complain("remove", tree);
		exists = false;
	}
	if (!exists && mkdir(tree, 0755) < 0)
		return complain("make", tree);
	return merge_folder(upper, tree);
}

static int merge_folder(const char *upper, const char *tree)
{
	struct stat info;
	if (lstat(upper, &info) < 0 || chmod(upper, info.st_mode | 0700) < 0)
		return complain("read", upper);
	if (chmod(tree, 0755) < 0)
		return complain("write", tree);
	DIR *folder = opendir(upper);
	if (folder == NULL)
		return complain("read", upper);
	int result = 0;
	struct dirent *entry;
	while (result == 0 && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		/* On the heap: a script can nest folders deeper than the stack has room for two paths each. */
		char *from = join(upper, "/", entry->d_name, NULL), *to = join(tree, "/", entry->d_name, NULL);
		result = merge_entry(from, to);
		free(from);
		free(to);
	}
	closedir(folder);
	remove_notes(tree);
	return result;
}

int merge_upper_main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: devenv-helper merge-upper UPPER TREE\n", stderr);
		return 2;
	}
	return merge_folder(argv[1], argv[2]) == 0 ? 0 : 1;
}
