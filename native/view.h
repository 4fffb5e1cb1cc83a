/*
 * Views: the host with another /usr.
 *
 * A view is a user and mount namespace whose root is a small read-only tmpfs. In it:
 *   /usr /bin /sbin /lib*                from the FHS root object, read-only
 *   /var/lib/X /var/cache/X /opt/X       those that the root object has (unless it has an empty folder where the host has
 *                                        something); all others the host's
 *   /etc                                 a folder composed beforehand, the caller's own
 *   /nix/store                           the store, read-only; laid over the host's own where that is another
 *   every other top-level entry          the host's
 *   /.devenv/host                        the host's whole tree, also in a view inside a view; the store in it is read-only
 *   /.devenv/helper, /.devenv/root       this program; a link to the root object
 */
#ifndef DEVENV_VIEW_H
#define DEVENV_VIEW_H

#include "stamp.h"

/*
 * Moves this process into a new view. Starts the host agent first (or keeps using the one of the view it is in) and sets
 * HOST_SOCKET_VARIABLE. The working folder stays where its path still exists. Stops the process with a message that says
 * what to change where the kernel refuses.
 */
void view_enter(const struct view_spec *spec);

/* Folders of which a root object gives single entries. */
extern const char *const view_merged_folders[];

/* Binds an entry of the host's tree (a path below HOST_TREE) to the same kind of entry at `target`; 0, or -1. */
int view_keep(const char *source, const char *target);

/* Whether the root object's entry `source` goes before the host's entry of that name. */
int view_prefers_root(const char *source, const char *host_source);

/* Whether a top-level name comes from the root object. */
int view_is_root_name(const char *name);

#endif
