/*
 * A terminal for host programs asked for from another session than the agent's (a tmux server started in the view, an
 * editor's terminal): the agent cannot join that session, so the program gets a pseudo-terminal as the controlling one,
 * which is what programs such as sudo ask at, and the asking side relays between it and its own terminal.
 */
#ifndef DEVENV_TERMINAL_H
#define DEVENV_TERMINAL_H

#include <stdint.h>

#include "agent-protocol.h"

/* ---- the asking side ---- */

/* Fills in what the request says about our controlling terminal. */
void terminal_describe(struct agent_terminal *terminal);

/* Receives the agent's first event and, with it, the pseudo-terminal's master (else -1). 0, or -1. */
int terminal_receive_started(int agent, struct agent_event *event, int *master);

/* Relays until the program has ended; `*event` is then its end. 0, or -1 when the agent is lost. */
int terminal_relay(int agent, int master, struct agent_event *event);

/* ---- the agent's side ---- */

/* Makes a pseudo-terminal like the one described. 0 with both ends, or -1. */
int terminal_open(const struct agent_terminal *terminal, int *master, int *slave);

/* In the program's process, its session's first: takes the terminal, also as those descriptors that were the caller's. */
int terminal_take(const struct agent_terminal *terminal, int slave);

/* Sends the first event with the master. */
int terminal_send_started(int caller, int joined, int master);

#endif
