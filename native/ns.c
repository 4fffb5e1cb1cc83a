/* User and mount namespaces: see ns.h. */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel takes a map in one write of at most a page, and 340 lines. */
#define MAP_LIMIT 4095

static void map_init(struct ns_map *map, uid_t uid, gid_t gid, int single)
{
	memset(map, 0, sizeof *map);
	map->own_uid = geteuid();
	map->own_gid = getegid();
	map->shown_uid = uid;
	map->shown_gid = gid;
	map->single = single;
}

void ns_map_single(struct ns_map *map, uid_t uid, gid_t gid)
{
	map_init(map, uid, gid, 1);
	text_add_format(&map->uids, "%u %u 1\n", uid, map->own_uid);
	text_add_format(&map->gids, "%u %u 1\n", gid, map->own_gid);
}

/* Adds the range [start, end) of ids, cut where `own` and `shown` change places. */
static void add_range(struct text *lines, unsigned long start, unsigned long end, unsigned long own,
		      unsigned long shown)
{
	while (start < end) {
		unsigned long next = end;
		unsigned long cuts[] = {own, own + 1, shown, shown + 1};
		for (size_t index = 0; index < 4; index++)
			if (cuts[index] > start && cuts[index] < next)
				next = cuts[index];
		unsigned long inside = start == own ? shown : start == shown ? own : start;
		if (own == shown) {
			inside = start;
			next = end;
		}
		text_add_format(lines, "%lu %lu %lu\n", inside, start, next - start);
		start = next;
	}
}

/* Turns the map of the present namespace into one that a child namespace can have. */
static int read_ranges(const char *file, struct text *lines, unsigned long own, unsigned long shown)
{
	struct text present = {0};
	if (read_file(file, &present, 65536) < 0)
		return -1;
	for (char *line = present.data; *line != '\0';) {
		unsigned long inside, outside, count;
		if (sscanf(line, "%lu %lu %lu", &inside, &outside, &count) != 3 || count == 0) {
			errno = EINVAL;
			return -1;
		}
		add_range(lines, inside, inside + count, own, shown);
		char *end = strchr(line, '\n');
		line = end == NULL ? line + strlen(line) : end + 1;
	}
	if (lines->length == 0 || lines->length > MAP_LIMIT) {
		errno = E2BIG;
		return -1;
	}
	return 0;
}

int ns_map_exchange(struct ns_map *map, uid_t uid, gid_t gid)
{
	map_init(map, uid, gid, 0);
	if (read_ranges("/proc/self/uid_map", &map->uids, map->own_uid, uid) < 0)
		return -1;
	return read_ranges("/proc/self/gid_map", &map->gids, map->own_gid, gid);
}

int ns_map_full(struct ns_map *map)
{
	return ns_map_exchange(map, geteuid(), getegid());
}

static int write_proc(pid_t pid, const char *name, const char *data, size_t length)
{
	char path[64];
	if (pid == 0)
		snprintf(path, sizeof path, "/proc/self/%s", name);
	else
		snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, data, length);
	int saved = errno;
	close(fd);
	if (written == (ssize_t)length)
		return 0;
	errno = written < 0 ? saved : EIO;
	return -1;
}

int ns_write_map(pid_t pid, const struct ns_map *map)
{
	/* Kernels before 3.19 have no such file and need no denial. */
	if (map->single && write_proc(pid, "setgroups", "deny", 4) < 0 && errno != ENOENT)
		return -1;
	if (write_proc(pid, "uid_map", map->uids.data, map->uids.length) < 0)
		return -1;
	return write_proc(pid, "gid_map", map->gids.data, map->gids.length);
}

/* Wide maps need the capabilities of the namespace left behind, so a child that stays there writes them. */
struct writer {
	pid_t pid;
	int go;
};

static int start_writer(struct writer *writer, const struct ns_map *map)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t parent = getpid();
	writer->pid = fork();
	if (writer->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (writer->pid == 0) {
		char byte;
		close(ends[1]);
		if (read(ends[0], &byte, 1) != 1)
			_exit(0);
		_exit(ns_write_map(parent, map) == 0 ? 0 : (errno & 0x7f) == 0 ? 1 : errno & 0x7f);
	}
	close(ends[0]);
	writer->go = ends[1];
	return 0;
}

static int finish_writer(struct writer *writer, int go)
{
	int sent = go ? write(writer->go, "x", 1) == 1 : 1;
	close(writer->go);
	int status = 0;
	while (waitpid(writer->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (sent && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EPERM;
	return -1;
}

int ns_unshare(int flags, const struct ns_map *map)
{
	struct writer writer;
	int wide = !map->single;
	if (wide && start_writer(&writer, map) < 0)
		return -1;
	if (unshare(CLONE_NEWUSER | flags) < 0) {
		int saved = errno;
		if (wide)
			finish_writer(&writer, 0);
		errno = saved;
		return -1;
	}
	if (!wide)
		return ns_write_map(0, map);
	if (finish_writer(&writer, 1) == 0)
		return 0;
	struct ns_map single;
	ns_map_single(&single, map->shown_uid, map->shown_gid);
	single.uids.length = 0;
	single.gids.length = 0;
	text_add_format(&single.uids, "%u %u 1\n", map->shown_uid, map->own_uid);
	text_add_format(&single.gids, "%u %u 1\n", map->shown_gid, map->own_gid);
	return ns_write_map(0, &single) < 0 ? -1 : 1;
}

static long read_number(const char *path)
{
	struct text text = {0};
	if (read_file(path, &text, 64) < 0)
		return -1;
	return strtol(text.data, NULL, 10);
}

static int has_seccomp_filter(void)
{
	struct text status = {0};
	if (read_file("/proc/self/status", &status, 65536) < 0)
		return 0;
	const char *line = strstr(status.data, "\nSeccomp:");
	return line != NULL && strtol(line + 9, NULL, 10) == 2;
}

const char *ns_explain(int error)
{
	if (read_number("/proc/sys/user/max_user_namespaces") == 0)
		return "user namespaces are switched off on this machine (user.max_user_namespaces is 0); "
		       "an administrator can allow them with: sysctl -w user.max_user_namespaces=10000";
	if (read_number("/proc/sys/user/max_mnt_namespaces") == 0)
		return "mount namespaces are switched off on this machine (user.max_mnt_namespaces is 0); "
		       "an administrator can allow them with: sysctl -w user.max_mnt_namespaces=10000";
	if (geteuid() != 0 && read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "user namespaces are reserved to root on this machine (kernel.unprivileged_userns_clone is 0); "
		       "an administrator can allow them with: sysctl -w kernel.unprivileged_userns_clone=1";
	if ((error == EPERM || error == EACCES) &&
	    read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
		return "AppArmor keeps programs from using user namespaces on this machine "
		       "(kernel.apparmor_restrict_unprivileged_userns is 1); an administrator can allow them with: "
		       "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or with an AppArmor profile for the helper";
	if ((error == EPERM || error == EACCES) && has_seccomp_filter())
		return "a seccomp filter forbids user namespaces or mounts, as the default one of Docker does; start the "
		       "container with: --security-opt seccomp=unconfined --security-opt apparmor=unconfined";
	if (error == ENOSPC || error == EUSERS)
		return "no further user namespace is allowed here; leave shells that are nested, or have an administrator raise "
		       "user.max_user_namespaces";
	if (error == EINVAL || error == ENOSYS)
		return "this kernel has no user namespaces; one with CONFIG_USER_NS is needed";
	if (error == EPERM)
		return "the kernel refuses user namespaces here; leave the chroot, or give the container the permission (for Docker: "
		       "--security-opt seccomp=unconfined --security-opt apparmor=unconfined), or ask whoever set up a security "
		       "module such as SELinux";
	return strerror(error);
}

int ns_bind(const char *source, const char *target, unsigned how)
{
	if (mount(source, target, NULL, MS_BIND | (how & NS_RECURSIVE ? MS_REC : 0), NULL) < 0)
		return -1;
	return how & NS_READ_ONLY ? ns_read_only(target) : 0;
}

/* Flags of a mount that came from a more privileged namespace are locked: a remount has to repeat them. */
static unsigned long kept_flags(const char *target)
{
	struct statvfs info;
	if (statvfs(target, &info) < 0)
		return 0;
	unsigned long flags = 0;
	if (info.f_flag & ST_NOSUID)
		flags |= MS_NOSUID;
	if (info.f_flag & ST_NODEV)
		flags |= MS_NODEV;
	if (info.f_flag & ST_NOEXEC)
		flags |= MS_NOEXEC;
	if (info.f_flag & ST_NOATIME)
		flags |= MS_NOATIME;
	if (info.f_flag & ST_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (info.f_flag & ST_RELATIME)
		flags |= MS_RELATIME;
	return flags;
}

int ns_read_only(const char *target)
{
	return mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(target), NULL);
}

int ns_writable(const char *target)
{
	return mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | kept_flags(target), NULL);
}

int ns_tmpfs(const char *target, const char *options)
{
	return mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

int ns_overlay_read_only(const char *upper, const char *lower, const char *target)
{
	if (strpbrk(upper, ":,\\") != NULL || strpbrk(lower, ":,\\") != NULL) {
		errno = EINVAL;
		return -1;
	}
	return mount("overlay", target, "overlay", MS_RDONLY, join("lowerdir=", upper, ":", lower, NULL));
}

int ns_isolate_mounts(int follow)
{
	return mount(NULL, "/", NULL, (follow ? MS_SLAVE : MS_PRIVATE) | MS_REC, NULL);
}

int ns_pivot(const char *new_root, const char *put_old)
{
	if (syscall(SYS_pivot_root, new_root, put_old) < 0)
		return -1;
	return chdir("/");
}

int ns_keep_capabilities(const int *capabilities, size_t count)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	for (size_t index = 0; index < count; index++)
		data[capabilities[index] / 32].inheritable |= 1u << (capabilities[index] % 32);
	if (syscall(SYS_capset, &header, data) < 0)
		return -1;
	for (size_t index = 0; index < count; index++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)capabilities[index], 0, 0) < 0)
			return -1;
	return 0;
}
