/* See daemon.h. */
#include "daemon.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-protocol.h"
#include "text.h"

static int answers(const char *runtime)
{
	struct sockaddr_un address;
	socklen_t length;
	int folder = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	int connected = agent_address(join(runtime, "/daemon.sock", NULL), &address, &length, &folder) == 0 &&
	                connect(fd, (struct sockaddr *)&address, length) == 0;
	if (folder >= 0)
		close(folder);
	close(fd);
	return connected;
}

void daemon_rouse(const char *runtime, char *const *fallback, int fallback_count)
{
	if (answers(runtime))
		return;
	char **arguments = allocate((size_t)(fallback_count + 3) * sizeof *arguments);
	for (int index = 0; index < fallback_count; index++)
		arguments[index] = fallback[index];
	arguments[fallback_count] = "daemon";
	arguments[fallback_count + 1] = "start";
	arguments[fallback_count + 2] = NULL;
	/* Two forks, so that the shell has no child it does not know of. */
	pid_t middle = fork();
	if (middle == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		int nothing = open("/dev/null", O_RDWR);
		for (int fd = 0; nothing >= 0 && fd <= 2; fd++)
			dup2(nothing, fd);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	if (middle > 0)
		waitpid(middle, NULL, 0);
	free(arguments);
}
