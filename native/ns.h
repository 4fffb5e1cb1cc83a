/*
 * User and mount namespaces: id maps, mounts, a new root, capabilities that survive exec.
 *
 * Shared by views and sandboxed builds. Every function returns 0, or -1 with errno, and says nothing itself, unless
 * told otherwise. Only ordinary kernel facilities of Linux 4.18 and later; nothing needs to be setuid.
 */
#ifndef DEVENV_NS_H
#define DEVENV_NS_H

#include <stddef.h>
#include <sys/types.h>

#include "text.h"

/* The lines to write to /proc/PID/{uid,gid}_map, and the single pair of ids to fall back to. */
struct ns_map {
	struct text uids;
	struct text gids;
	uid_t shown_uid;
	gid_t shown_gid;
	uid_t own_uid;
	gid_t own_gid;
	/* Only the caller's own ids: any user may do that; setgroups is then denied. */
	int single;
};

/* Shows the caller's effective ids as `uid` and `gid`, every other id as nobody. */
void ns_map_single(struct ns_map *map, uid_t uid, gid_t gid);

/* Every id of the present namespace keeps its number (needs CAP_SETUID and CAP_SETGID: root callers). */
int ns_map_full(struct ns_map *map);

/* As ns_map_full, but the caller's own ids and `uid`, `gid` change places, so that root looks like an ordinary user. */
int ns_map_exchange(struct ns_map *map, uid_t uid, gid_t gid);

/* Writes the maps of a process of ours (0: this one) whose user namespace is new. */
int ns_write_map(pid_t pid, const struct ns_map *map);

/*
 * Moves this process into new namespaces: CLONE_NEWUSER and what `flags` adds (CLONE_NEWNS …), and writes the maps.
 * Where the wide maps of a root caller cannot be written, the single one is; returns 1 then. All capabilities of the new
 * namespaces are held until the next exec. After a failure errno tells why; ns_explain puts it in words.
 */
int ns_unshare(int flags, const struct ns_map *map);

/* Why a user namespace or a mount in it was refused (an errno), in the user's words, with what to change. */
const char *ns_explain(int error);

/* How ns_bind mounts. */
#define NS_RECURSIVE 1u
#define NS_READ_ONLY 2u

/* Binds a file or folder over an existing one of the same kind. In a user namespace folders that may hold mounts need
 * NS_RECURSIVE; NS_READ_ONLY then covers the topmost mount only. */
int ns_bind(const char *source, const char *target, unsigned how);

/* Makes a mount read-only, keeping the flags that a user namespace may not clear. */
int ns_read_only(const char *target);

/* Undoes ns_read_only on a mount of this namespace. */
int ns_writable(const char *target);

int ns_tmpfs(const char *target, const char *options);

/* A read-only union of folders, `upper` first; needs Linux 5.11 in a user namespace. No path may hold ':' or ','. */
int ns_overlay_read_only(const char *upper, const char *lower, const char *target);

/* Mount events neither leave this namespace nor, with `follow` 0, come in. */
int ns_isolate_mounts(int follow);

/* Makes `new_root` (a mount) the root of this process; the old root appears at `put_old`, below `new_root`. The working
 * folder becomes the new root. */
int ns_pivot(const char *new_root, const char *put_old);

/* Capabilities (CAP_… numbers) that the next program shall have although it is not uid 0. */
int ns_keep_capabilities(const int *capabilities, size_t count);

#endif
