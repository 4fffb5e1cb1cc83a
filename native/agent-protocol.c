/* Socket addresses and whole messages of the host agent: see agent-protocol.h. */
#include "agent-protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int agent_address(const char *path, struct sockaddr_un *address, socklen_t *length, int *folder)
{
	char short_path[64];
	*folder = -1;
	if (strlen(path) >= sizeof address->sun_path) {
		const char *slash = strrchr(path, '/');
		if (slash == NULL || strlen(slash) >= 32) {
			errno = ENAMETOOLONG;
			return -1;
		}
		struct text parent = {0};
		text_add_bytes(&parent, path, (size_t)(slash - path));
		*folder = open(parent.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (*folder < 0)
			return -1;
		snprintf(short_path, sizeof short_path, "/proc/self/fd/%d%s", *folder, slash);
		path = short_path;
	}
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, strlen(path) + 1);
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	return 0;
}

int agent_peer_is_own(int fd, int32_t *process)
{
	struct ucred peer;
	socklen_t length = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.uid != geteuid())
		return 0;
	if (process != NULL)
		*process = peer.pid;
	return 1;
}

int agent_send(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length > 0) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		at += sent;
		length -= (size_t)sent;
	}
	return 0;
}

int agent_receive(int fd, void *bytes, size_t length)
{
	char *at = bytes;
	while (length > 0) {
		ssize_t count = recv(fd, at, length, 0);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			if (count == 0)
				errno = ECONNRESET;
			return -1;
		}
		at += count;
		length -= (size_t)count;
	}
	return 0;
}
