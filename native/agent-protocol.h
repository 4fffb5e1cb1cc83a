/* What the host agent and its callers send each other over their stream socket, in the machine's own byte order. */
#ifndef DEVENV_AGENT_PROTOCOL_H
#define DEVENV_AGENT_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define AGENT_MAGIC 0x64766167u
#define AGENT_MOST_FDS 200
#define AGENT_MOST_BYTES (32u << 20)

/* The caller's controlling terminal. */
struct agent_terminal {
	uint32_t present;
	/* Bit N: descriptor N (0 to 2) is that terminal. */
	uint32_t descriptors;
	uint16_t rows;
	uint16_t columns;
	/* A struct termios. */
	unsigned char modes[124];
};

/*
 * The request. The file descriptors come with its first byte; then `bytes` bytes follow: the `fds` numbers (int32_t) that
 * the descriptors shall have, then NUL-terminated strings: the working folder, `arguments` arguments, `variables`
 * variables (NAME=VALUE).
 */
struct agent_request {
	uint32_t magic;
	uint32_t fds;
	uint32_t arguments;
	uint32_t variables;
	uint32_t bytes;
	uint32_t mode_mask;
	int32_t process_group;
	/* Bit N-1: signal N is ignored. */
	uint64_t ignored_signals;
	struct agent_terminal terminal;
};

enum agent_event_kind {
	/* To the caller. `value`: 1 when the program joined the caller's process group. With the master of the program's own
	 * terminal where it could not and there is one. */
	AGENT_STARTED = 1,
	/* The program stopped, ended with a status, or was ended by a signal. */
	AGENT_STOPPED,
	AGENT_EXITED,
	AGENT_KILLED,
	/* To the agent: pass this signal on. */
	AGENT_SIGNAL,
};

struct agent_event {
	uint32_t kind;
	int32_t value;
};

/* Fills in the address of a socket file; a path that is too long is reached through the open folder (kept open in
 * `*folder`, else -1). 0, or -1 with errno. */
int agent_address(const char *path, struct sockaddr_un *address, socklen_t *length, int *folder);

/* Whether the process at the other end runs as our own effective user. */
int agent_peer_is_own(int fd, int32_t *process);

int agent_send(int fd, const void *bytes, size_t length);
int agent_receive(int fd, void *bytes, size_t length);

#endif
