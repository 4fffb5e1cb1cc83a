/* Asking a running daemon for an environment without starting node: what a shell whose stamp does not hold any more waits for. */
#ifndef DEVENV_ASK_H
#define DEVENV_ASK_H

/*
 * The new stamp of `project`, or NULL where the client on node has to ask: no daemon of this installation runs, there is
 * something to show (work that takes time, a diagnostic, env.lock written), or the caller's environment is not UTF-8.
 * `launcher` is the path of scripts/devenv.
 */
char *ask_for_stamp(const char *launcher, const char *project, int as_user, int ambient);

#endif
