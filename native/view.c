/* Making and entering a view: see view.h. */
#include "view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "commands.h"
#include "ns.h"

/* Where the old root is put while a view inside a view is made. */
#define OUTER "/.devenv/outer"

const char *const view_merged_folders[] = {"var/lib", "var/cache", "opt", NULL};

/* What is mounted from outside, opened by the path that it has there (links on the way may lead anywhere). */
struct sources {
	int root;
	int store;
	/* Where the store lies, links resolved. */
	char *store_path;
	int etc;
	int helper;
};

static void refused(const char *what)
{
	int error = errno;
	const char *reason = ns_explain(error);
	/* What comes after the semicolon says what to change. */
	const char *help = strstr(reason, "; ");
	char *note = join(what, ": ", strerror(error), NULL);
	if (help == NULL)
		stop_diagnostic("SHELL_NO_VIEWS", join("the environment cannot be entered: ", reason, NULL), note,
				"run the command again; if it fails again, report it with these lines");
	struct text cause = {0};
	text_add(&cause, "the environment cannot be entered: ");
	text_add_bytes(&cause, reason, (size_t)(help - reason));
	stop_diagnostic("SHELL_NO_VIEWS", cause.data, note, help + 2);
}

static int open_source(const char *path, const char *what)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		stop(STATUS_FAILED, "cannot enter the environment: %s %s: %s", what, path, strerror(errno));
	return fd;
}

static char *descriptor_path(int fd)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return join(path, NULL);
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		stop(STATUS_FAILED, "cannot make %s in the view: %s", path, strerror(errno));
}

int view_is_root_name(const char *name)
{
	return strcmp(name, "usr") == 0 || strcmp(name, "bin") == 0 || strcmp(name, "sbin") == 0 ||
	       strncmp(name, "lib", 3) == 0;
}

/* ---- single entries ----------------------------------------------------------------------------------------------- */

static int copy_link(const char *source, const char *target)
{
	char destination[4096];
	ssize_t length = readlink(source, destination, sizeof destination - 1);
	if (length < 0)
		return -1;
	destination[length] = '\0';
	return symlink(destination, target);
}

static int make_mount_point(const char *target, mode_t kind)
{
	if (S_ISDIR(kind))
		return mkdir(target, 0755) < 0 && errno != EEXIST ? -1 : 0;
	int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return errno == EEXIST ? 0 : -1;
	return close(fd);
}

/* A link is copied, everything else is bound, with what is mounted below it. */
static int copy_or_bind(const char *source, const char *target, unsigned how)
{
	struct stat info;
	if (lstat(source, &info) < 0)
		return -1;
	if (S_ISLNK(info.st_mode))
		return copy_link(source, target);
	if (make_mount_point(target, info.st_mode) < 0)
		return -1;
	return ns_bind(source, target, NS_RECURSIVE | how);
}

int view_keep(const char *source, const char *target)
{
	return copy_or_bind(source, target, 0);
}

/* An entry of a root object. */
static int place(const char *source, const char *target)
{
	return copy_or_bind(source, target, NS_READ_ONLY);
}

static int is_empty_folder(const char *path)
{
	DIR *folder = opendir(path);
	if (folder == NULL)
		return 0;
	int empty = 1;
	for (struct dirent *entry; empty && (entry = readdir(folder)) != NULL;)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(folder);
	return empty;
}

int view_prefers_root(const char *source, const char *host_source)
{
	struct stat info;
	if (lstat(source, &info) < 0)
		return 0;
	return lstat(host_source, &info) < 0 || !is_empty_folder(source);
}

static int is_name(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* ---- folders ------------------------------------------------------------------------------------------------------ */

/* Keeps the host's entries of `folder` (a path without a leading slash; "" is the top) but those that `skip` names. */
static void keep_entries(const char *folder, int (*skip)(const char *name))
{
	const char *slash = folder[0] == '\0' ? "" : "/";
	char *host_folder = join(HOST_TREE, slash, folder, NULL);
	DIR *entries = opendir(host_folder);
	if (entries == NULL)
		return; /* the host has none */
	for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
		if (!is_name(entry) || (skip != NULL && skip(entry->d_name)))
			continue;
		char *target = join(slash, folder, "/", entry->d_name, NULL);
		/* Entries that cannot be bound (a stale network mount, another user's FUSE folder) are of no use outside either. */
		if (view_keep(join(host_folder, "/", entry->d_name, NULL), target) < 0 && errno != EACCES && errno != ENOENT &&
		    errno != EEXIST)
			warn_user("the view lacks %s: %s", target, strerror(errno));
	}
	closedir(entries);
}

static int is_special_top_name(const char *name)
{
	static const char *const names[] = {".devenv", "etc", "var", "opt", "nix"};
	for (size_t index = 0; index < sizeof names / sizeof *names; index++)
		if (strcmp(name, names[index]) == 0)
			return 1;
	return view_is_root_name(name);
}

/* The names in a root object's folder that go before the host's entries. */
static struct strings preferred_names(const char *from_root, const char *from_host)
{
	struct strings names = {0};
	DIR *entries = opendir(from_root);
	for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;)
		if (is_name(entry) && view_prefers_root(join(from_root, "/", entry->d_name, NULL),
							join(from_host, "/", entry->d_name, NULL)))
			strings_add(&names, join(entry->d_name, NULL));
	if (entries != NULL)
		closedir(entries);
	return names;
}

/* Whether the host has an entry of the same kind for each of the names, so that they can be laid over it. */
static int host_has_all(const char *from_root, const char *from_host, const struct strings *names)
{
	struct stat info, host_info;
	for (size_t index = 0; index < names->count; index++)
		if (lstat(join(from_root, "/", names->items[index], NULL), &info) < 0 ||
		    lstat(join(from_host, "/", names->items[index], NULL), &host_info) < 0 ||
		    (info.st_mode & S_IFMT) != (host_info.st_mode & S_IFMT) || S_ISLNK(info.st_mode))
			return 0;
	return 1;
}

/* Puts an empty folder of the view's own over `target`. */
static void start_composed(const char *target)
{
	char name[] = "/.devenv/folder-0";
	struct stat info;
	while (mkdir(name, 0755) < 0 && errno == EEXIST && name[sizeof name - 2] < '9')
		name[sizeof name - 2]++;
	if (stat(target, &info) < 0)
		make_folder(target);
	if (ns_bind(name, target, 0) < 0)
		refused(target);
}

/*
 * Gives /FOLDER, where the host's is by now (if it has one), the root object's entries. Where the host has the same
 * kind of entry under each of their names they are simply laid over; else the folder is composed anew from both.
 */
static void merge_folder(const char *root, const char *folder)
{
	char *from_root = join(root, "/", folder, NULL);
	char *from_host = join(HOST_TREE, "/", folder, NULL);
	char *target = join("/", folder, NULL);
	struct strings names = preferred_names(from_root, from_host);
	if (names.count == 0)
		return;
	int laid_over = host_has_all(from_root, from_host, &names);
	if (!laid_over)
		start_composed(target);
	for (size_t index = 0; index < names.count; index++)
		if (place(join(from_root, "/", names.items[index], NULL), join(target, "/", names.items[index], NULL)) < 0)
			refused(names.items[index]);
	if (laid_over)
		return;
	DIR *entries = opendir(from_host);
	for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
		char *kept = join(target, "/", entry->d_name, NULL);
		struct stat info;
		if (!is_name(entry) || lstat(kept, &info) == 0)
			continue;
		if (view_keep(join(from_host, "/", entry->d_name, NULL), kept) < 0 && errno != EACCES && errno != ENOENT)
			warn_user("the view lacks %s: %s", kept, strerror(errno));
	}
	if (entries != NULL)
		closedir(entries);
	/* What is created here would be lost with the view: better refused. */
	if (ns_read_only(target) < 0)
		refused(target);
}

/* The host's /var and /opt, or empty folders for what it lacks. */
static void keep_merged_parents(void)
{
	struct stat info;
	int whole = 1;
	for (size_t index = 0; view_merged_folders[index] != NULL; index++)
		if (strncmp(view_merged_folders[index], "var/", 4) == 0)
			whole = whole && stat(join(HOST_TREE "/", view_merged_folders[index], NULL), &info) == 0;
	if (whole) {
		if (view_keep(HOST_TREE "/var", "/var") < 0)
			refused("/var");
	} else {
		make_folder("/var");
		keep_entries("var", NULL);
	}
	if (view_keep(HOST_TREE "/opt", "/opt") < 0)
		make_folder("/opt");
}

static void place_root(const char *root)
{
	DIR *entries = opendir(root);
	if (entries == NULL)
		refused("the environment's root");
	for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
		if (!view_is_root_name(entry->d_name))
			continue;
		if (place(join(root, "/", entry->d_name, NULL), join("/", entry->d_name, NULL)) < 0)
			refused(entry->d_name);
	}
	closedir(entries);
}

static int is_store_name(const char *name)
{
	return strcmp(name, "store") == 0;
}

static int same_folder(const char *one, const char *other)
{
	struct stat first, second;
	return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* A fake root could write the store through any other path to it: modes do not stop it. */
static void protect(const char *path)
{
	struct statvfs info;
	/* In a view inside a view it is read-only already. */
	if (statvfs(path, &info) < 0 || info.f_flag & ST_RDONLY)
		return;
	if (ns_bind(path, path, NS_RECURSIVE | NS_READ_ONLY) < 0)
		refused(path);
}

/*
 * /nix/store: the store, over the host's own where that is another; then the place where the store really lies, here and
 * in the host's tree (programs of the host run outside and see it as it is).
 */
static void place_store(const char *store, const char *real_path)
{
	const char *host_store = HOST_TREE "/nix/store";
	make_folder("/nix");
	keep_entries("nix", is_store_name);
	make_folder("/nix/store");
	struct stat info;
	int others = stat(host_store, &info) == 0 && S_ISDIR(info.st_mode) && !same_folder(host_store, store);
	if (others && ns_overlay_read_only(store, host_store, "/nix/store") < 0) {
		warn_user("the host's own /nix/store is hidden in this shell: this kernel cannot lay ours over it (%s)",
			  strerror(errno));
		others = 0;
	}
	if (!others && ns_bind(store, "/nix/store", NS_RECURSIVE | NS_READ_ONLY) < 0)
		refused("/nix/store");
	if (strncmp(real_path, "/nix/", 5) != 0)
		protect(real_path);
	protect(join(HOST_TREE, real_path, NULL));
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

/* This program's path; to be asked before the namespace that it was started in is left. */
static char *own_path(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length < 0)
		stop(STATUS_FAILED, "cannot enter the environment: /proc is not mounted");
	path[length] = '\0';
	return join(path, NULL);
}

static void open_sources(struct sources *sources, const struct view_spec *spec, const char *helper)
{
	sources->root = open_source(spec->root, "the root");
	sources->store = open_source(spec->store, "the store");
	sources->store_path = realpath(spec->store, NULL);
	if (sources->store_path == NULL)
		refused(spec->store);
	sources->etc = open_source(spec->etc, "the composed /etc");
	sources->helper = open_source(helper, "the helper");
}

static void build_view(const struct view_spec *spec, const struct sources *sources, int nested)
{
	/* Any folder of the host will do as the place to build on; it is free again after the pivot. */
	const char *base = "/etc";
	if (ns_isolate_mounts(1) < 0 || ns_tmpfs(base, "mode=755,size=4m") < 0)
		refused("mounting");
	make_folder(join(base, "/.devenv", NULL));
	make_folder(join(base, HOST_TREE, NULL));
	if (nested)
		make_folder(join(base, OUTER, NULL));
	if (ns_pivot(base, join(base, nested ? OUTER : HOST_TREE, NULL)) < 0)
		refused("changing the root");
	if (nested) {
		if (ns_bind(OUTER HOST_TREE, HOST_TREE, NS_RECURSIVE) < 0)
			refused("the host's tree");
	}
	keep_entries("", is_special_top_name);
	char *root = descriptor_path(sources->root);
	place_root(root);
	keep_merged_parents();
	for (size_t index = 0; view_merged_folders[index] != NULL; index++)
		merge_folder(root, view_merged_folders[index]);
	make_folder("/etc");
	if (ns_bind(descriptor_path(sources->etc), "/etc", NS_RECURSIVE) < 0)
		refused("/etc");
	place_store(descriptor_path(sources->store), sources->store_path);
	if (make_mount_point("/.devenv/helper", S_IFREG) < 0 ||
	    ns_bind(descriptor_path(sources->helper), "/.devenv/helper", NS_READ_ONLY) < 0)
		refused("the helper");
	if (symlink(spec->root, "/.devenv/root") < 0)
		refused("/.devenv/root");
	if (nested && (umount2(OUTER, MNT_DETACH) < 0 || rmdir(OUTER) < 0))
		refused("leaving the outer view");
	/* What is created at the top or in /var/lib would be lost with the view: better refused. */
	if (ns_read_only("/") < 0)
		refused("the root");
}

static void return_to_folder(const char *folder)
{
	if (folder != NULL && folder[0] == '/' && chdir(folder) == 0)
		return;
	const char *home = getenv("HOME");
	const char *fallback = home != NULL && chdir(home) == 0 ? home : "/";
	warn_user("%s does not exist in this environment; now in %s", folder == NULL ? "the working folder" : folder, fallback);
}

static void look_like_user(void)
{
	const int kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER};
	if (ns_keep_capabilities(kept, sizeof kept / sizeof *kept) < 0)
		warn_user("files of other users may not be writable in this shell: %s", strerror(errno));
}

static void choose_map(struct ns_map *map, const struct view_spec *spec)
{
	int as_user = geteuid() == 0 && spec->as_user != 0;
	uid_t uid = as_user ? spec->as_user : geteuid();
	gid_t gid = as_user ? spec->as_user : getegid();
	if (geteuid() == 0 && ns_map_exchange(map, uid, gid) == 0)
		return;
	ns_map_single(map, uid, gid);
}

void view_enter(const struct view_spec *spec)
{
	struct stat info;
	struct sources sources;
	struct ns_map map;
	pid_t starting = 0;
	int nested = stat(HOST_TREE, &info) == 0 && S_ISDIR(info.st_mode);
	char *folder = getcwd(NULL, 0);
	char *helper = own_path();
	if (spec->runtime == NULL) {
		unsetenv(HOST_SOCKET_VARIABLE);
	} else if (!nested || !agent_answers()) {
		char *socket = agent_start(spec->runtime, spec->host_log, &starting);
		if (socket == NULL)
			unsetenv(HOST_SOCKET_VARIABLE);
		else
			setenv(HOST_SOCKET_VARIABLE, socket, 1);
	}
	choose_map(&map, spec);
	int as_user = geteuid() == 0 && spec->as_user != 0;
	int outcome = ns_unshare(CLONE_NEWNS, &map);
	if (outcome < 0)
		refused("no namespace");
	if (outcome > 0)
		warn_user("only your own user id exists in this shell: the system lets this root map no others");
	open_sources(&sources, spec, helper);
	build_view(spec, &sources, nested);
	return_to_folder(folder);
	while (starting > 0 && waitpid(starting, NULL, 0) < 0 && errno == EINTR)
		;
	if (as_user)
		look_like_user();
}

int view_main(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[2], "--") != 0)
		stop(STATUS_FAILED, "usage: view SPEC -- PROGRAM [ARGUMENT…]");
	struct stamp stamp;
	const char *problem = stamp_read(argv[1], &stamp);
	if (problem != NULL)
		stop(STATUS_FAILED, "%s: %s", argv[1], problem);
	if (stamp.view.root == NULL)
		stop(STATUS_FAILED, "%s: it describes no view", argv[1]);
	view_enter(&stamp.view);
	execvp(argv[3], argv + 3);
	stop_exec("", argv[3], errno);
}

int probe_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct ns_map map;
	struct view_spec none = {0};
	choose_map(&map, &none);
	if (ns_unshare(CLONE_NEWNS, &map) < 0 || ns_isolate_mounts(1) < 0 || ns_tmpfs("/etc", "size=4k") < 0) {
		printf("%s\n", ns_explain(errno));
		return 1;
	}
	return 0;
}
