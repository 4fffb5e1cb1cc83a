/* The host agent's own process and the programs it starts: see agent.h. The asking side is in host.c. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-protocol.h"
#include "terminal.h"
#include "text.h"

/* Numbers of newer system calls that older headers lack; the same on every machine. */
#define CALL_PIDFD_OPEN 434
#define CALL_CLOSE_RANGE 436

/* A request as received: pointers into one allocation. */
struct request {
	struct agent_request head;
	int fds[AGENT_MOST_FDS];
	const int32_t *numbers;
	char *folder;
	char **arguments;
	char **variables;
};

/* ---- receiving ---------------------------------------------------------------------------------------------------- */

static int receive_head(int connection, struct request *request)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * AGENT_MOST_FDS)];
	} control;
	struct iovec piece = {&request->head, sizeof request->head};
	struct msghdr message = {
	    .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	ssize_t count = recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	if (count != (ssize_t)sizeof request->head || (message.msg_flags & MSG_CTRUNC))
		return -1;
	size_t received = 0;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		size_t fds = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (fds > AGENT_MOST_FDS - received)
			return -1;
		memcpy(request->fds + received, CMSG_DATA(part), fds * sizeof(int));
		received += fds;
	}
	const struct agent_request *head = &request->head;
	return head->magic == AGENT_MAGIC && head->fds == received && head->bytes <= AGENT_MOST_BYTES &&
		       head->arguments > 0 && head->arguments <= head->bytes && head->variables <= head->bytes &&
		       (size_t)head->fds * sizeof(int32_t) <= head->bytes
		   ? 0
		   : -1;
}

static char **take_strings(char **at, const char *end, uint32_t count)
{
	char **strings = allocate(((size_t)count + 1) * sizeof *strings);
	for (uint32_t index = 0; index < count; index++) {
		char *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;
		if (nul == NULL)
			return NULL;
		strings[index] = *at;
		*at = nul + 1;
	}
	strings[count] = NULL;
	return strings;
}

static int receive_request(int connection, struct request *request)
{
	if (receive_head(connection, request) < 0)
		return -1;
	char *bytes = allocate(request->head.bytes);
	if (agent_receive(connection, bytes, request->head.bytes) < 0)
		return -1;
	const char *end = bytes + request->head.bytes;
	request->numbers = (const int32_t *)(void *)bytes;
	char *at = bytes + (size_t)request->head.fds * sizeof(int32_t);
	char **folder = take_strings(&at, end, 1);
	if (folder == NULL || (request->arguments = take_strings(&at, end, request->head.arguments)) == NULL ||
	    (request->variables = take_strings(&at, end, request->head.variables)) == NULL)
		return -1;
	request->folder = folder[0];
	for (uint32_t index = 0; index < request->head.fds; index++)
		if (request->numbers[index] < 0 || request->numbers[index] > 1 << 20)
			return -1;
	return 0;
}

/* ---- starting the program ----------------------------------------------------------------------------------------- */

/* Gives the received descriptors their numbers; they first move out of each other's way. */
static int place_descriptors(struct request *request, int *slave)
{
	int above = 3;
	for (uint32_t index = 0; index < request->head.fds; index++)
		if (request->numbers[index] >= above)
			above = request->numbers[index] + 1;
	for (uint32_t index = 0; index < request->head.fds; index++) {
		request->fds[index] = fcntl(request->fds[index], F_DUPFD_CLOEXEC, above);
		if (request->fds[index] < 0)
			return -1;
	}
	if (*slave >= 0 && (*slave = fcntl(*slave, F_DUPFD_CLOEXEC, above)) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (uint32_t index = 0; index < request->head.fds; index++)
		if (dup2(request->fds[index], request->numbers[index]) < 0)
			return -1;
	return 0;
}

static void restore_signals(uint64_t ignored)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, number <= 64 && (ignored >> (number - 1) & 1) ? SIG_IGN : SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Variables whose values in a view make sense there only; the host's programs get the host's, as the agent had them. */
static const char *const view_variables[] = {HOST_SOCKET_VARIABLE, "LOCPATH", "TERMINFO_DIRS"};

static const char *view_variable(const char *variable)
{
	for (size_t index = 0; index < sizeof view_variables / sizeof *view_variables; index++) {
		size_t length = strlen(view_variables[index]);
		if (strncmp(variable, view_variables[index], length) == 0 && variable[length] == '=')
			return view_variables[index];
	}
	return NULL;
}

/* The environment as the host knows it; paths of the host tree go by their own names. */
static char **host_variables(char **variables)
{
	struct strings result = {0};
	for (size_t index = 0; variables[index] != NULL; index++) {
		char *variable = variables[index];
		if (view_variable(variable) != NULL)
			continue;
		char *value = strchr(variable, '=');
		size_t prefix = strlen(HOST_TREE);
		if (value != NULL && strncmp(value + 1, HOST_TREE "/", prefix + 1) == 0)
			memmove(value + 1, value + 1 + prefix, strlen(value + 1 + prefix) + 1);
		strings_add(&result, variable);
	}
	for (size_t index = 1; index < sizeof view_variables / sizeof *view_variables; index++) {
		const char *own = getenv(view_variables[index]);
		if (own != NULL)
			strings_add(&result, join(view_variables[index], "=", own, NULL));
	}
	strings_add(&result, NULL);
	return result.items;
}

/* Becomes the program, with `slave` (or -1) as its terminal. PATH is the agent's own, that is the host's. */
static void run_program(struct request *request, int slave)
{
	umask((mode_t)(request->head.mode_mask & 0777));
	if (place_descriptors(request, &slave) < 0 || (slave >= 0 && terminal_take(&request->head.terminal, slave) < 0))
		_exit(STATUS_FAILED);
	const char *name = request->arguments[0];
	if (chdir(request->folder) < 0 && chdir("/") == 0)
		warn_user("host: %s is not there on the host (%s); %s runs in /", request->folder, strerror(errno), name);
	restore_signals(request->head.ignored_signals);
	execvpe(name, request->arguments, host_variables(request->variables));
	stop_exec("host: ", name, errno);
}

/* ---- one request -------------------------------------------------------------------------------------------------- */

static void log_program(const char *log, const char *name)
{
	if (log == NULL)
		return;
	char *line = join(base_name(name), "\n", NULL);
	struct text known = {0};
	int fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return; /* the record is a convenience; the program runs all the same */
	if (read_all(fd, &known, 1 << 20) == 0) {
		char *all = join("\n", known.data, NULL);
		if (strstr(all, join("\n", line, NULL)) == NULL && write(fd, line, strlen(line)) < 0)
			warn_user("host: cannot write %s: %s", log, strerror(errno));
	}
	close(fd);
}

static void send_event(int connection, uint32_t kind, int32_t value)
{
	struct agent_event event = {kind, value};
	/* A caller that is gone shows as the end of its stream. */
	(void)agent_send(connection, &event, sizeof event);
}

/* Reports what became of the program; 1 when it has ended. */
static int report_child(int connection, pid_t child)
{
	int status;
	pid_t changed = waitpid(child, &status, WNOHANG | WUNTRACED);
	if (changed != child)
		return 0;
	if (WIFSTOPPED(status)) {
		send_event(connection, AGENT_STOPPED, WSTOPSIG(status));
		return 0;
	}
	if (WIFSIGNALED(status))
		send_event(connection, AGENT_KILLED, WTERMSIG(status));
	else
		send_event(connection, AGENT_EXITED, WEXITSTATUS(status));
	return 1;
}

/* Serves one connection in a process of its own, until the program or its caller has ended. */
static void serve(int connection, int32_t caller, const char *log, int signals)
{
	struct request request;
	memset(&request, 0, sizeof request);
	struct timeval patience = {.tv_sec = 10};
	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (receive_request(connection, &request) < 0)
		_exit(1);
	log_program(log, request.arguments[0]);
	int same_session = caller > 0 && getsid(caller) == getsid(0);
	int master = -1, slave = -1;
	if (!same_session && request.head.terminal.present)
		(void)terminal_open(&request.head.terminal, &master, &slave);
	pid_t child = fork();
	if (child < 0) {
		send_event(connection, AGENT_EXITED, STATUS_FAILED);
		_exit(1);
	}
	if (child == 0) {
		/* In the caller's group the terminal's signals come by themselves. */
		if (!same_session || setpgid(0, request.head.process_group) < 0)
			(void)setsid();
		run_program(&request, slave);
	}
	/* Both sides set it, so that the answer is right whoever runs first. */
	int joined = same_session && (setpgid(child, request.head.process_group) == 0 || errno == EACCES) &&
		     getpgid(child) == request.head.process_group;
	for (uint32_t index = 0; index < request.head.fds; index++)
		close(request.fds[index]);
	if (terminal_send_started(connection, joined, master) < 0)
		_exit(1);
	if (master >= 0) {
		close(master);
		close(slave);
	}
	struct pollfd polled[] = {{connection, POLLIN, 0}, {signals, POLLIN, 0}};
	for (;;) {
		if (report_child(connection, child))
			_exit(0);
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (polled[1].revents != 0) {
			struct signalfd_siginfo info;
			if (read(signals, &info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR)
				_exit(1);
		}
		if (polled[0].revents != 0) {
			struct agent_event event;
			if (agent_receive(connection, &event, sizeof event) < 0) {
				/* The caller stands for the program: it was killed without a chance to say so. */
				if (!report_child(connection, child))
					kill(child, SIGKILL);
				_exit(0);
			}
			if (event.kind == AGENT_SIGNAL && event.value > 0 && event.value < NSIG)
				kill(child, event.value);
		}
	}
}

/* ---- the agent ---------------------------------------------------------------------------------------------------- */

static void become_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};
	for (size_t index = 0; index < sizeof ignored / sizeof *ignored; index++)
		signal(ignored[index], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	/* Not of the terminal's foreground group, and no hold on a folder. */
	setpgid(0, 0);
	if (chdir("/") < 0)
		_exit(1);
}

/* Closes everything but three descriptors and these two, which are given low numbers. */
static void keep_only(int *listener, int *served)
{
	int first = fcntl(*listener, F_DUPFD_CLOEXEC, 64);
	int second = *served < 0 ? -1 : fcntl(*served, F_DUPFD_CLOEXEC, 64);
	if (first < 0)
		_exit(1);
	*listener = dup3(first, 3, O_CLOEXEC);
	int last = 3;
	if (second >= 0)
		*served = last = dup3(second, 4, O_CLOEXEC);
	if (syscall(CALL_CLOSE_RANGE, (unsigned)last + 1, ~0u, 0) < 0)
		for (int fd = last + 1; fd < 4096; fd++)
			close(fd);
}

/* Removes the sockets of agents that were killed. */
static void sweep(const char *runtime)
{
	DIR *folder = opendir(runtime);
	if (folder == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		if (strncmp(entry->d_name, "host-", 5) != 0)
			continue;
		struct sockaddr_un address;
		socklen_t length;
		int parent;
		char *path = join(runtime, "/", entry->d_name, NULL);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && agent_address(path, &address, &length, &parent) == 0 &&
		    connect(fd, (struct sockaddr *)&address, length) < 0 && errno == ECONNREFUSED)
			unlink(path);
		if (fd >= 0)
			close(fd);
	}
	closedir(folder);
}

static void serve_all(int listener, int served, pid_t served_pid, const char *log)
{
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	struct pollfd polled[] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}, {served, POLLIN, 0}};
	for (;;) {
		/* Without pidfd_open (before Linux 5.3) the served process is looked for every two seconds. */
		int ready = poll(polled, served < 0 ? 2 : 3, served < 0 ? 2000 : -1);
		if (ready < 0 && errno != EINTR)
			return;
		if (served < 0 ? kill(served_pid, 0) < 0 : ready > 0 && polled[2].revents != 0)
			return;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (ready > 0 && polled[1].revents != 0) {
			struct signalfd_siginfo info;
			if (read(signals, &info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR)
				return;
		}
		if (ready <= 0 || polled[0].revents == 0)
			continue;
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			continue;
		int32_t caller = 0;
		pid_t server = agent_peer_is_own(connection, &caller) ? fork() : -1;
		if (server == 0) {
			close(listener);
			serve(connection, caller, log, signals);
		}
		close(connection);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un address;
	socklen_t length;
	int folder;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || agent_address(path, &address, &length, &folder) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, length) < 0 && errno == EADDRINUSE && unlink(path) == 0)
		(void)bind(fd, (struct sockaddr *)&address, length);
	return listen(fd, 64) < 0 ? -1 : fd;
}

/* The runtime folder must be ours alone, for whoever can connect is obeyed if he has our uid. */
static int check_folder(const char *runtime)
{
	struct stat info;
	if (mkdir(runtime, 0700) < 0 && errno != EEXIST)
		return -1;
	if (lstat(runtime, &info) < 0)
		return -1;
	if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

char *agent_start(const char *runtime, const char *log, pid_t *starting)
{
	char number[32];
	pid_t served_pid = getpid();
	snprintf(number, sizeof number, "/host-%d.sock", (int)served_pid);
	char *path = join(runtime, number, NULL);
	int listener = -1;
	if (check_folder(runtime) < 0 || (listener = listen_at(path)) < 0) {
		warn_user("no host programs in this shell: cannot listen in %s: %s", runtime, strerror(errno));
		return NULL;
	}
	int served = (int)syscall(CALL_PIDFD_OPEN, served_pid, 0);
	/* Two forks, so that the shell has no child it does not know of. */
	pid_t middle = fork();
	if (middle == 0) {
		if (fork() != 0)
			_exit(0);
		become_quiet();
		keep_only(&listener, &served);
		sweep(runtime);
		serve_all(listener, served, served_pid, log);
		unlink(path);
		_exit(0);
	}
	close(listener);
	if (served >= 0)
		close(served);
	if (middle > 0) {
		*starting = middle;
		return path;
	}
	warn_user("no host programs in this shell: cannot start the host agent: %s", strerror(errno));
	return NULL;
}
