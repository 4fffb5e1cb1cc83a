/* The daemon, as far as an interactive shell that starts from its stamp needs it: somebody has to watch the files. */
#ifndef DEVENV_DAEMON_H
#define DEVENV_DAEMON_H

/*
 * Starts the daemon, by `FALLBACK… daemon start` in a session of its own, unless one answers in the folder `runtime`. Does
 * not wait for it and says nothing: a shell without it is one that does not follow changes.
 */
void daemon_rouse(const char *runtime, char *const *fallback, int fallback_count);

#endif
