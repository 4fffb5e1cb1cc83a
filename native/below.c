#include "below.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ns.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* struct mount_attr of linux/mount.h, which clashes with sys/mount.h in older C libraries. */
struct mount_change {
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t userns;
};

enum { CHANGE_RDONLY = 1, CHANGE_NOSUID = 2, CHANGE_NODEV = 4 };

static int close_keeping_errno(int fd)
{
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* For kernels before 5.6: one component at a time, refusing symbolic links and "..". */
static int open_by_steps(int root, const char *path, int flags)
{
	int at = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0) {
		path += strspn(path, "/");
		size_t length = strcspn(path, "/");
		if (length == 0)
			return at;
		char name[NAME_MAX + 1];
		int last = path[length + strspn(path + length, "/")] == 0;
		if (length > NAME_MAX || (length == 2 && path[0] == '.' && path[1] == '.')) {
			errno = length > NAME_MAX ? ENAMETOOLONG : EXDEV;
			return close_keeping_errno(at);
		}
		memcpy(name, path, length);
		name[length] = 0;
		int next = openat(at, name, O_NOFOLLOW | O_CLOEXEC | (last ? flags : O_PATH | O_DIRECTORY));
		close_keeping_errno(at);
		at = next;
		path += length;
	}
	return -1;
}

int below_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof how);
	if (fd < 0 && errno == ENOSYS)
		return open_by_steps(root, path, flags);
	return fd;
}

/* The parent of a path (made if missing) and its last component. */
static int open_parent(int root, const char *path, char name[NAME_MAX + 1])
{
	char parent[PATH_MAX];
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	size_t start = length;
	while (start > 0 && path[start - 1] != '/')
		start--;
	if (length - start > NAME_MAX || start >= sizeof parent) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, path + start, length - start);
	name[length - start] = 0;
	if (strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	memcpy(parent, path, start);
	parent[start] = 0;
	return below_make_directory(root, parent, 0755);
}

int below_make_directory(int root, const char *path, mode_t mode)
{
	int fd = below_open(root, path, O_PATH | O_DIRECTORY);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	char name[NAME_MAX + 1];
	int parent = open_parent(root, path, name);
	if (parent < 0)
		return -1;
	if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
		return close_keeping_errno(parent);
	close(parent);
	return below_open(root, path, O_PATH | O_DIRECTORY);
}

int below_make_file(int root, const char *path, mode_t mode)
{
	int fd = below_open(root, path, O_PATH);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	char name[NAME_MAX + 1];
	int parent = open_parent(root, path, name);
	if (parent < 0)
		return -1;
	int made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	close_keeping_errno(parent);
	if (made < 0)
		return -1;
	close(made);
	return below_open(root, path, O_PATH);
}

int below_bind(const char *source, int target, int how)
{
	char link[64], mounted[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", target);
	if (mount(source, link, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	/* The descriptor names what lies under the new mount: the mount itself is reached through the path. */
	ssize_t length = readlink(link, mounted, sizeof mounted - 1);
	if (length < 0)
		return -1;
	mounted[length] = 0;
	struct mount_change change = {.set = CHANGE_NOSUID};
	if (how & BELOW_READ_ONLY)
		change.set |= CHANGE_RDONLY;
	if (!(how & BELOW_DEVICES))
		change.set |= CHANGE_NODEV;
	if (syscall(SYS_mount_setattr, AT_FDCWD, mounted, AT_RECURSIVE, &change, sizeof change) == 0)
		return 0;
	/* Before Linux 5.12 the topmost mount only. */
	if (errno != ENOSYS)
		return -1;
	return how & BELOW_READ_ONLY ? ns_read_only(mounted) : 0;
}
