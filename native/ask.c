/* See ask.h. The messages are those of packages/protocol: JSON-RPC 2.0, one message a line. */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent-protocol.h"
#include "agent.h"
#include "launch.h"

/* PROTOCOL_VERSION of packages/protocol; the method and its fields: prepareQuickly there. */
#define PROTOCOL "1"
#define METHOD "environment.prepareQuickly"

/* The daemon answers within a quarter of a second, if only that it takes longer. */
#define PATIENCE_MILLISECONDS 1000
#define MOST_BYTES (64u << 10)

extern char **environ;

/* ---- writing JSON ------------------------------------------------------------------------------------------------- */

/* The length of the UTF-8 sequence at `at`, 0 where there is none (RFC 3629: no surrogates, no overlong forms). */
static size_t utf8_length(const unsigned char *at)
{
	if (at[0] < 0x80)
		return 1;
	size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	for (size_t index = 1; index < length; index++)
		if ((at[index] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
	    (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

/* Adds `length` bytes as a JSON string; 0 where they are not UTF-8. */
static int add_string(struct text *json, const char *bytes, size_t length)
{
	text_add(json, "\"");
	const unsigned char *at = (const unsigned char *)bytes, *end = at + length;
	while (at < end) {
		size_t size = utf8_length(at);
		if (size == 0)
			return 0;
		if (*at < 0x20 || *at == '"' || *at == '\\')
			text_add_format(json, "\\u%04x", *at);
		else
			text_add_bytes(json, at, size);
		at += size;
	}
	text_add(json, "\"");
	return 1;
}

/* Adds the environment as an object; 0 where a name or value is not UTF-8, or the client's node was already between. */
static int add_variables(struct text *json)
{
	const char *separator = "";
	text_add(json, "{");
	for (char **each = environ; *each != NULL; each++) {
		const char *equals = strchr(*each, '=');
		if (equals == NULL || equals == *each)
			continue;
		if (strncmp(*each, "DEVENV_CALLER_", 14) == 0)
			return 0;
		text_add(json, separator);
		if (!add_string(json, *each, (size_t)(equals - *each)))
			return 0;
		text_add(json, ":");
		if (!add_string(json, equals + 1, strlen(equals + 1)))
			return 0;
		separator = ",";
	}
	text_add(json, "}");
	return 1;
}

static int add_groups(struct text *json)
{
	int count = getgroups(0, NULL);
	gid_t *groups = allocate((size_t)(count < 1 ? 1 : count) * sizeof *groups);
	count = count < 1 ? count : getgroups(count, groups);
	if (count < 0)
		return 0;
	text_add(json, "[");
	for (int index = 0; index < count; index++)
		text_add_format(json, "%s%u", index == 0 ? "" : ",", (unsigned)groups[index]);
	text_add(json, "]");
	return 1;
}

/* Handshake and request at once: the daemon takes them in order. */
static int compose(struct text *json, const char *build, const char *project, int as_user, int ambient)
{
	text_add(json, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"handshake\",\"params\":{\"protocol\":" PROTOCOL ",\"version\":");
	add_string(json, build, strlen(build));
	text_add(json, "}}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"" METHOD "\",\"params\":{\"project\":");
	if (!add_string(json, project, strlen(project)))
		return 0;
	text_add(json, ",\"variables\":");
	if (!add_variables(json))
		return 0;
	text_add_format(json, ",\"uid\":%u,\"gid\":%u,\"groups\":", (unsigned)geteuid(), (unsigned)getegid());
	if (!add_groups(json))
		return 0;
	text_add_format(json, ",\"asUser\":%s,\"consent\":\"%s\",\"lock\":\"frozen\"}}\n", as_user ? "true" : "false",
	                ambient ? "needed" : "given");
	return 1;
}

/* ---- the connection ----------------------------------------------------------------------------------------------- */

/* Connects to the daemon's socket, in a folder that is the caller's alone (packages/client/src/socket-address.ts). */
static int connect_daemon(void)
{
	char *folder = runtime_folder();
	struct stat info;
	if (folder == NULL || lstat(folder, &info) < 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
	    (info.st_mode & 077) != 0)
		return -1;
	struct sockaddr_un address;
	socklen_t length;
	int parent = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (agent_address(join(folder, "/daemon.sock", NULL), &address, &length, &parent) < 0 ||
	                connect(fd, (struct sockaddr *)&address, length) < 0 || !agent_peer_is_own(fd, NULL))) {
		close(fd);
		fd = -1;
	}
	if (parent >= 0)
		close(parent);
	return fd;
}

static long long milliseconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Reads two lines; 0 where they do not come in time. */
static int read_answers(int fd, struct text *answers)
{
	long long end = milliseconds_now() + PATIENCE_MILLISECONDS;
	char bytes[4096];
	int lines = 0;
	while (lines < 2) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		long long left = end - milliseconds_now();
		int ready = left <= 0 ? 0 : poll(&wait, 1, (int)left);
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t count = ready <= 0 ? 0 : recv(fd, bytes, sizeof bytes, 0);
		if (count <= 0 || answers->length + (size_t)count > MOST_BYTES)
			return 0;
		for (ssize_t index = 0; index < count; index++)
			lines += bytes[index] == '\n';
		text_add_bytes(answers, bytes, (size_t)count);
	}
	return 1;
}

/* What follows `prefix` in `line` up to the next quote; NULL where it is not there or has escapes. */
static char *string_after(const char *line, const char *prefix)
{
	const char *start = strstr(line, prefix);
	if (start == NULL)
		return NULL;
	start += strlen(prefix);
	size_t length = strcspn(start, "\"\\");
	if (start[length] != '"')
		return NULL;
	struct text value = {0};
	text_add_bytes(&value, start, length);
	return value.data;
}

/* What tells this state of the installation from others: the time of its mark, as installationVersion of packages/client. */
static char *build_mark(const char *launcher)
{
	struct text folder = {0};
	struct stat info;
	const char *slash = strrchr(launcher, '/');
	if (slash == NULL)
		return NULL;
	text_add_bytes(&folder, launcher, (size_t)(slash - launcher));
	if (stat(join(folder.data, "/../build/installed", NULL), &info) < 0)
		return NULL;
	char digits[32], *at = digits + sizeof digits;
	*--at = '\0';
	unsigned long long rest = (unsigned long long)info.st_mtim.tv_sec * 1000 + (unsigned long long)info.st_mtim.tv_nsec / 1000000;
	do
		*--at = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
	while ((rest /= 36) > 0);
	return join("+", at, NULL);
}

char *ask_for_stamp(const char *launcher, const char *project, int as_user, int ambient)
{
	/* Within a view the daemon is asked by the client on the host. */
	if (getenv(HOST_SOCKET_VARIABLE) != NULL)
		return NULL;
	char *build = build_mark(launcher);
	struct text request = {0}, answers = {0};
	if (build == NULL || !compose(&request, build, project, as_user, ambient))
		return NULL;
	int fd = connect_daemon();
	if (fd < 0)
		return NULL;
	char *stamp = NULL;
	if (agent_send(fd, request.data, request.length) == 0 && read_answers(fd, &answers)) {
		char *second = strchr(answers.data, '\n');
		*second++ = '\0';
		char *version = string_after(answers.data, "\"version\":\"");
		const char *mark = version == NULL ? NULL : strchr(version, '+');
		if (mark != NULL && strcmp(mark, build) == 0)
			stamp = string_after(second, "\"result\":{\"stamp\":\"");
	}
	close(fd);
	return stamp;
}
