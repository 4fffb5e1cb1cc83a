/*
 * The host agent: runs programs outside a view as if they had been typed on the host.
 *
 * agent_start leaves a process behind before the namespaces are made. It stays in the caller's session and ends with the
 * view's first process. `host CMD` inside the view connects to its socket and hands over file descriptors, working
 * folder, environment and process group; the program is started outside, so it sees the host's files and setuid works.
 * The one at the terminal is then both of them: keys such as Ctrl-C reach the program directly, and the process that asked
 * mirrors how it stops and ends.
 */
#ifndef DEVENV_AGENT_H
#define DEVENV_AGENT_H

#include <sys/types.h>

/* Where the agent listens; set inside views. */
#define HOST_SOCKET_VARIABLE "DEVENV_HOST_SOCKET"

/* Where views keep the host's tree. */
#define HOST_TREE "/.devenv/host"

/*
 * Starts an agent that serves this process, until it ends, on a new socket in `runtime` (created when it is missing; must
 * be the caller's own and closed to others). Names of programs run are added to the file `log` (may be NULL).
 * The socket's path, or NULL after a warning. The socket can be connected to at once; `*starting` is a child of ours to be
 * waited for, which ends soon.
 */
char *agent_start(const char *runtime, const char *log, pid_t *starting);

/* Whether the socket of HOST_SOCKET_VARIABLE answers, so that a view inside a view can use the same agent. */
int agent_answers(void);

/* Runs the host program of that name through the agent, as `host CMD ARG…` does; ends as the program ends. */
int host_link_main(const char *name, int argc, char **argv);

#endif
