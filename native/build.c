/*
 * One program in new user, mount, process, IPC, host name and (unless it may use the network) network namespaces.
 *
 * The specification (build-specification.h) is trusted, since our own program wrote it; the trees that it names are not.
 * Three processes: the one that maps the ids and waits; the first process of the new process namespace, which makes the
 * mounts and reaps; the builder. Whichever of the first two dies takes the rest with it, SIGTERM to the first included, and
 * when that one has ended no process of the build is left.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>

#include "below.h"
#include "build.h"
#include "build-specification.h"
#include "ns.h"
#include "text.h"

/* Of linux/landlock.h and newer system calls, which older systems lack; the same on every machine. */
#define CALL_CLOSE_RANGE 436
#define CALL_LANDLOCK_CREATE_RULESET 444
#define CALL_LANDLOCK_RESTRICT_SELF 446
#define SCOPE_ABSTRACT_SOCKETS 1

static int status_fd = -1;

/* The caller is root, so the kernel takes the builder for root wherever it asks for the id alone. */
static bool root_caller;

/* Reports and ends this process; the processes above it see its exit and report nothing themselves. */
static _Noreturn void fail(const char *step)
{
	char report[PATH_MAX + 256];
	int length = snprintf(report, sizeof report, "failed%c%s%c%s%c", 0, step, 0, strerror(errno), 0);
	if (length > (int)sizeof report)
		length = (int)sizeof report;
	if (write(status_fd, report, (size_t)length) < 0)
		_exit(126);
	_exit(125);
}

static _Noreturn void fail_on(const char *step, const char *path)
{
	char text[PATH_MAX + 64];
	int error = errno;
	snprintf(text, sizeof text, "%s %s", step, path);
	errno = error;
	fail(text);
}

/* ---- the root ---- */

/* A path as an overlay option: what separates options and layers is escaped. */
static char *overlay_path(char *to, const char *path)
{
	for (; *path; path++) {
		if (strchr(":,\\", *path))
			*to++ = '\\';
		*to++ = *path;
	}
	*to = 0;
	return to;
}

static void mount_overlay(const struct specification *spec)
{
	char *options = malloc(2 * (strlen(spec->tree) + strlen(spec->upper) + strlen(spec->work)) + 128);
	if (options == NULL)
		fail("allocate memory");
	char *end = overlay_path(stpcpy(options, "lowerdir="), spec->tree);
	end = overlay_path(stpcpy(end, ",upperdir="), spec->upper);
	end = overlay_path(stpcpy(end, ",workdir="), spec->work);
	/* userxattr: the only kind a user namespace may have; volatile: nobody needs the upper after a crash. */
	strcpy(end, ",userxattr,volatile");
	if (mount("overlay", spec->base, "overlay", MS_NOSUID | MS_NODEV, options) < 0) {
		strcpy(end, ",userxattr");
		if (mount("overlay", spec->base, "overlay", MS_NOSUID | MS_NODEV, options) < 0)
			fail("mount the overlay");
	}
	free(options);
}

static void mount_root(const struct specification *spec)
{
	if (ns_isolate_mounts(0) < 0)
		fail("make the mounts private");
	switch (spec->root) {
	case ROOT_EMPTY:
		if (mount("none", spec->base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64m") < 0)
			fail("mount an empty root");
		break;
	case ROOT_TREE: {
		int base = open(spec->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (base < 0 || below_bind(spec->tree, base, 0) < 0)
			fail_on("bind the root", spec->tree);
		close(base);
		break;
	}
	case ROOT_OVERLAY:
		mount_overlay(spec);
		break;
	}
}

static void mount_at(int root, const char *target, const char *type, unsigned long flags, const char *options)
{
	int fd = below_make_directory(root, target, 0755);
	if (fd < 0)
		fail_on("make the folder", target);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (mount(type, path, type, flags, options) < 0)
		fail_on("mount", target);
	close(fd);
}

/*
 * The kernel's settings (/proc/sys, /proc/irq …) ask for user id 0 and for no capability. Read-only mounts keep a root
 * caller's builder from them; it cannot undo them, nor mount another /proc, since these cover parts of this one.
 */
static void protect_settings(int root)
{
	int fd = below_open(root, "proc", O_RDONLY | O_DIRECTORY);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL)
		fail_on("read", "/proc");
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		const char *name = entry->d_name;
		struct stat info;
		if (name[0] == '.' || (name[0] >= '0' && name[0] <= '9') || fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(info.st_mode) && !(S_ISREG(info.st_mode) && info.st_mode & 0222))
			continue;
		char path[64];
		int at = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		snprintf(path, sizeof path, "/proc/self/fd/%d", at);
		if (at < 0 || below_bind(path, at, BELOW_READ_ONLY) < 0)
			fail_on("protect /proc,", name);
		close(at);
	}
	closedir(folder);
}

static void mount_proc(int root)
{
	int fd = below_make_directory(root, "proc", 0755);
	if (fd < 0)
		fail_on("make the folder", "/proc");
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	/* A container that masks parts of its own /proc may not mount a new one: then its own has to do. */
	if (mount("proc", path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 && below_bind("/proc", fd, 0) < 0)
		fail_on("mount", "/proc");
	close(fd);
	if (root_caller)
		protect_settings(root);
}

static void make_link(int root, const char *path, const char *text)
{
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/');
	name = name ? name + 1 : path;
	snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
	int fd = below_make_directory(root, folder, 0755);
	if (fd < 0 || (symlinkat(text, fd, name) < 0 && errno != EEXIST))
		fail_on("make the link", path);
	close(fd);
}

static void bind_entry(int root, const char *source, const char *target, int flags)
{
	struct stat info;
	if (stat(source, &info) < 0)
		fail_on("find the input", source);
	int fd = S_ISDIR(info.st_mode) ? below_make_directory(root, target, 0755) : below_make_file(root, target, 0644);
	if (fd < 0)
		fail_on("make a place for", target);
	if (below_bind(source, fd, flags) < 0)
		fail_on("bind", target);
	close(fd);
}

static void make_devices(int root)
{
	mount_at(root, "dev", "tmpfs", MS_NOSUID, "mode=0755,size=1m");
	static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		char path[32];
		snprintf(path, sizeof path, "/dev/%s", nodes[i]);
		if (access(path, F_OK) == 0)
			bind_entry(root, path, path, BELOW_DEVICES);
	}
	mount_at(root, "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_at(root, "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,mode=0620,ptmxmode=0666");
	make_link(root, "dev/ptmx", "pts/ptmx");
	make_link(root, "dev/fd", "/proc/self/fd");
	make_link(root, "dev/stdin", "/proc/self/fd/0");
	make_link(root, "dev/stdout", "/proc/self/fd/1");
	make_link(root, "dev/stderr", "/proc/self/fd/2");
}

static void write_file_entry(int root, const char *path, const char *mode, const char *text)
{
	int place = below_make_file(root, path, 0644);
	if (place < 0)
		fail_on("make the file", path);
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", place);
	int fd = open(link, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t length = strlen(text);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length || fchmod(fd, (mode_t)strtoul(mode, NULL, 8)) < 0)
		fail_on("write the file", path);
	close(fd);
	close(place);
}

static void make_entry(int root, const struct entry *entry)
{
	char *const *arguments = entry->arguments;
	switch (entry->kind) {
	case ENTRY_BIND_RO: bind_entry(root, arguments[0], arguments[1], BELOW_READ_ONLY); break;
	case ENTRY_BIND_RW: bind_entry(root, arguments[0], arguments[1], 0); break;
	case ENTRY_FILE: write_file_entry(root, arguments[0], arguments[1], arguments[2]); break;
	case ENTRY_LINK: make_link(root, arguments[0], arguments[1]); break;
	case ENTRY_TMPFS: mount_at(root, arguments[0], "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"); break;
	}
}

static void make_root(const struct specification *spec)
{
	mount_root(spec);
	int root = open(spec->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		fail("open the new root");
	mount_at(root, "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	if (spec->root != ROOT_EMPTY)
		mount_at(root, "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	mount_proc(root);
	make_devices(root);
	for (size_t i = 0; i < spec->entry_count; i++)
		make_entry(root, &spec->entries[i]);
	if (spec->root == ROOT_EMPTY) {
		int cwd = below_make_directory(root, spec->cwd, 0755);
		if (cwd < 0)
			fail_on("make the folder", spec->cwd);
		close(cwd);
		/* Nothing but the writable binds, /tmp and /dev/shm may be written. */
		if (mount(NULL, spec->base, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
			fail("make the root read-only");
	}
	close(root);
	/* Old and new root on the same folder: the old one then lies on top and is detached (pivot_root(2), "."). */
	if (chdir(spec->base) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail("change the root");
}

/* Gives up every capability whose bit is not in `kept`, for this process and what it executes. */
static void limit_capabilities(uint64_t kept)
{
	for (int capability = 0; capability < 64; capability++) {
		/* EINVAL: past the last one of this kernel. */
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
			fail("drop capabilities");
	}
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		fail("read capabilities");
	for (int word = 0; word < 2; word++) {
		data[word].permitted &= (uint32_t)(kept >> (32 * word));
		data[word].effective = data[word].permitted;
		data[word].inheritable = 0;
	}
	/* Ambient ones go with the permitted ones. */
	if (syscall(SYS_capset, &header, data) < 0)
		fail("drop capabilities");
}

/* ---- the builder ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void load_filter(const char *hex)
{
	size_t length = strlen(hex) / 2;
	unsigned char *bytes = malloc(length + 1);
	if (bytes == NULL || length == 0 || length % sizeof(struct sock_filter) != 0) {
		errno = EINVAL;
		fail("read the system call filter");
	}
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	struct sock_fprog program = {
		.len = (unsigned short)(length / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)bytes,
	};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		fail("load the system call filter");
	free(bytes);
}

/*
 * With the host's network come its abstract Unix sockets, through which two builds, or a build and a process of the host,
 * could pass open files and change an output after it was checked. Needs Linux 6.12; before that nothing can keep them apart.
 */
static void leave_host_sockets(void)
{
	const struct {
		uint64_t files, network, scopes;
	} rules = {.scopes = SCOPE_ABSTRACT_SOCKETS};
	int fd = (int)syscall(CALL_LANDLOCK_CREATE_RULESET, &rules, sizeof rules, 0);
	if (fd < 0)
		return;
	if (syscall(CALL_LANDLOCK_RESTRICT_SELF, fd, 0) < 0)
		fail("leave the host's abstract sockets");
	close(fd);
}

static _Noreturn void run_builder(const struct specification *spec)
{
	setsid();
	if (spec->network)
		leave_host_sockets();
	/* One pipe for both, so that the log has their order. */
	if (dup2(1, 2) < 0)
		fail("join output and error");
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	struct rlimit no_core = {0, RLIM_INFINITY};
	getrlimit(RLIMIT_CORE, &no_core);
	no_core.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &no_core);
	/* The same addresses every time: one difference less between two builds. */
	personality(ADDR_NO_RANDOMIZE);
	if (chdir(spec->cwd) < 0)
		fail_on("enter the working folder", spec->cwd);
	if (spec->seccomp != NULL)
		load_filter(spec->seccomp);
	execve(spec->program, spec->arguments.at, spec->environment.at);
	fail_on("start", spec->program);
}

static const uint64_t fake_root_capabilities = 1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE |
	1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_FOWNER | 1ull << CAP_FSETID | 1ull << CAP_KILL | 1ull << CAP_SYS_CHROOT;

static void bring_loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		fail("find the loopback device");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		fail("bring the loopback device up");
	close(fd);
}

/* First process of the new process namespace: makes the root, starts the builder, reaps until the builder has ended. */
static _Noreturn void run_init(const struct specification *spec, int mapped_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	char go;
	if (read(mapped_fd, &go, 1) != 1)
		_exit(124); /* the parent has reported, or is gone */
	close(mapped_fd);
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0 || setresuid(spec->uid, spec->uid, spec->uid) < 0)
		fail("take on the build's ids");
	/* Changing ids clears the death signal. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (sethostname(spec->hostname, strlen(spec->hostname)) < 0 || setdomainname("(none)", 6) < 0)
		fail("set the host name");
	if (!spec->network)
		bring_loopback_up();
	make_root(spec);
	limit_capabilities(spec->fake_root ? fake_root_capabilities : 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("forbid new privileges");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

	pid_t builder = fork();
	if (builder < 0)
		fail("start a process");
	if (builder == 0)
		run_builder(spec);
	int status;
	for (;;) {
		pid_t ended = wait(&status);
		if (ended < 0 && errno != EINTR)
			fail("wait for the builder");
		if (ended == builder)
			break;
	}
	/* A failed start has written its own report; the two cannot both be there, since 125 comes from fail alone or the builder. */
	char report[64];
	int length = WIFSIGNALED(status) ? snprintf(report, sizeof report, "killed%c%d%c", 0, WTERMSIG(status), 0)
					 : snprintf(report, sizeof report, "exited%c%d%c", 0, WEXITSTATUS(status), 0);
	if (write(status_fd, report, (size_t)length) < 0)
		_exit(126);
	_exit(0);
}

static volatile sig_atomic_t init_process;

static void end_build(int number)
{
	(void)number;
	if (init_process > 0)
		kill((pid_t)init_process, SIGKILL);
}

/* As fork, with the CLONE_NEW* flags for the child. */
static pid_t fork_into(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void close_range_of(unsigned first, unsigned last)
{
	if (first <= last && syscall(CALL_CLOSE_RANGE, first, last, 0) < 0)
		for (unsigned fd = first; fd <= last && fd < 65536; fd++)
			close((int)fd);
}

void build_close_others(int kept)
{
	close_range_of(3, (unsigned)kept - 1);
	close_range_of((unsigned)kept + 1, ~0u);
}

int build_run(char *specification, size_t length, int report_fd)
{
	status_fd = report_fd;
	fcntl(status_fd, F_SETFD, FD_CLOEXEC);
	struct specification spec = {.hostname = "localhost"};
	const char *wrong = parse_specification(&spec, specification, length);
	if (wrong != NULL) {
		errno = EINVAL;
		fail_on("read the specification, at", wrong);
	}
	struct ns_map map = {0};
	ns_map_single(&map, spec.uid, spec.gid);

	root_caller = geteuid() == 0;
	if (root_caller)
		setgroups(0, NULL); /* where it is forbidden, the groups remain; they grant nothing that is mounted */
	int mapped[2];
	if (pipe2(mapped, O_CLOEXEC) < 0)
		fail("make a pipe");
	sigset_t end_signals, before;
	sigemptyset(&end_signals);
	sigaddset(&end_signals, SIGTERM);
	sigaddset(&end_signals, SIGINT);
	sigaddset(&end_signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &end_signals, &before);
	unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	if (!spec.network)
		flags |= CLONE_NEWNET;
	pid_t child = fork_into(flags);
	if (child < 0)
		fail("make namespaces");
	if (child == 0) {
		close(mapped[1]);
		run_init(&spec, mapped[0]);
	}
	init_process = child;
	struct sigaction action = {.sa_handler = end_build};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(mapped[0]);
	if (ns_write_map(child, &map) < 0) {
		int error = errno;
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
		errno = error;
		fail("map the user and group ids");
	}
	if (write(mapped[1], "", 1) != 1)
		kill(child, SIGKILL);
	close(mapped[1]);
	/* Nobody else may hold the builder's pipe open while this process waits. */
	close(0);
	close(1);
	close(2);
	int status;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
