/*
 * Folders, files and mounts below a root folder that is not trusted: a path is looked up as if that folder were "/", so
 * that no symbolic link in it leads to the host.
 *
 * Functions return a descriptor or 0, and -1 with errno; none prints or exits. Descriptors are close-on-exec.
 */
#ifndef DEVENV_BELOW_H
#define DEVENV_BELOW_H

#include <sys/types.h>

/* Opens an existing path below `root`; `flags` as of open. */
int below_open(int root, const char *path, int flags);

/* A path descriptor of a folder, made with those above it unless it exists. */
int below_make_directory(int root, const char *path, mode_t mode);

/* A path descriptor of a file, made empty, with the folders above it, unless something is there. */
int below_make_file(int root, const char *path, mode_t mode);

/* How below_bind mounts. */
#define BELOW_READ_ONLY 1
#define BELOW_DEVICES 2 /* device nodes in it work */

/* Binds a host path with everything mounted in it onto a path descriptor of the same type (file or folder); setuid bits have
 * no effect there. */
int below_bind(const char *source, int target, int how);

#endif
