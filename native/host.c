/* The asking side of the host agent: `host CMD`, and links named after host programs. See agent.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "agent-protocol.h"
#include "commands.h"
#include "terminal.h"
#include "text.h"

extern char **environ;

/* For the signal handler. */
static volatile sig_atomic_t agent_fd = -1;
static volatile sig_atomic_t joined;

static int connect_to_agent(void)
{
	const char *path = getenv(HOST_SOCKET_VARIABLE);
	struct sockaddr_un address;
	socklen_t length;
	int folder;
	if (path == NULL || path[0] != '/') {
		errno = ENOENT;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || agent_address(path, &address, &length, &folder) < 0)
		return -1;
	int connected = connect(fd, (struct sockaddr *)&address, length);
	int saved = errno;
	if (folder >= 0)
		close(folder);
	errno = saved;
	if (connected == 0 && !agent_peer_is_own(fd, NULL)) {
		errno = EPERM;
		connected = -1;
	}
	if (connected == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int agent_answers(void)
{
	int fd = connect_to_agent();
	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

/* Every descriptor that a program started here would inherit. */
static uint32_t inherited_descriptors(int32_t *numbers)
{
	uint32_t count = 0;
	DIR *folder = opendir("/proc/self/fd");
	if (folder == NULL) {
		for (int fd = 0; fd < 3; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				numbers[count++] = fd;
		return count;
	}
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		int fd = atoi(entry->d_name);
		int flags = entry->d_name[0] == '.' || fd == dirfd(folder) ? -1 : fcntl(fd, F_GETFD);
		if (flags < 0 || (flags & FD_CLOEXEC))
			continue;
		if (count == AGENT_MOST_FDS) {
			warn_user("host: only %d open files are handed on", AGENT_MOST_FDS);
			break;
		}
		numbers[count++] = fd;
	}
	closedir(folder);
	return count;
}

static uint64_t ignored_signals(void)
{
	uint64_t ignored = 0;
	for (int number = 1; number <= 64; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			ignored |= (uint64_t)1 << (number - 1);
	}
	return ignored;
}

static int send_request(int fd, int argc, char **argv)
{
	int32_t numbers[AGENT_MOST_FDS];
	struct agent_request head = {.magic = AGENT_MAGIC, .arguments = (uint32_t)argc};
	head.fds = inherited_descriptors(numbers);
	head.mode_mask = umask(0);
	umask((mode_t)head.mode_mask);
	head.process_group = getpgrp();
	head.ignored_signals = ignored_signals();
	terminal_describe(&head.terminal);
	struct text payload = {0};
	text_add_bytes(&payload, numbers, head.fds * sizeof *numbers);
	char *folder = getcwd(NULL, 0);
	folder = folder == NULL || folder[0] != '/' ? "/" : folder;
	text_add_bytes(&payload, folder, strlen(folder) + 1);
	for (int index = 0; index < argc; index++)
		text_add_bytes(&payload, argv[index], strlen(argv[index]) + 1);
	for (char **variable = environ; *variable != NULL; variable++, head.variables++)
		text_add_bytes(&payload, *variable, strlen(*variable) + 1);
	if (payload.length > AGENT_MOST_BYTES) {
		errno = E2BIG;
		return -1;
	}
	head.bytes = (uint32_t)payload.length;

	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * AGENT_MOST_FDS)];
	} control;
	memset(&control, 0, sizeof control);
	struct iovec piece = {&head, sizeof head};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	if (head.fds > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * head.fds);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int) * head.fds);
		memcpy(CMSG_DATA(rights), numbers, sizeof(int) * head.fds);
	}
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return -1;
	if (agent_send(fd, (const char *)&head + sent, sizeof head - (size_t)sent) < 0)
		return -1;
	return agent_send(fd, payload.data, payload.length);
}

/*
 * Signals of the terminal reach the program by themselves when it shares our process group; all others are passed on.
 * Stop signals stop us only once the program has stopped (it may have to tidy the screen first, or ignore them).
 */
static void pass_on(int number, siginfo_t *info, void *context)
{
	(void)context;
	int saved = errno;
	if (!joined || info->si_code != SI_KERNEL || number == SIGCONT) {
		struct agent_event event = {AGENT_SIGNAL, number};
		(void)agent_send(agent_fd, &event, sizeof event);
	}
	errno = saved;
}

static void catch_signals(void)
{
	const int caught[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1, SIGUSR2, SIGALRM,
			      SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigfillset(&action.sa_mask);
	for (size_t index = 0; index < sizeof caught / sizeof *caught; index++) {
		struct sigaction before;
		if (sigaction(caught[index], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(caught[index], &action, NULL);
	}
}

/* Ends as the program ended, so that our parent sees the same. */
static int end_by_signal(int number)
{
	struct rlimit no_core = {0, 0};
	setrlimit(RLIMIT_CORE, &no_core);
	signal(number, SIG_DFL);
	sigset_t only;
	sigemptyset(&only);
	sigaddset(&only, number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(number);
	return 128 + number;
}

static int run_on_host(int argc, char **argv)
{
	int fd = connect_to_agent();
	if (fd < 0)
		stop(STATUS_FAILED, "%s is a program of the host, and this shell's host agent does not answer (%s)",
		     base_name(argv[0]), strerror(errno));
	agent_fd = fd;
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (send_request(fd, argc, argv) < 0)
		stop(STATUS_FAILED, "host: cannot hand %s over: %s", argv[0], strerror(errno));
	struct agent_event event;
	int master;
	if (terminal_receive_started(fd, &event, &master) < 0 || event.kind != AGENT_STARTED)
		stop(STATUS_FAILED, "host: the host agent refused to run %s", argv[0]);
	joined = event.value == 1;
	catch_signals();
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* The program holds the files now: pipes must end when it closes them. */
	for (int each = 0; each < 2; each++)
		close(each);
	if (master >= 0) {
		if (terminal_relay(fd, master, &event) < 0)
			stop(STATUS_FAILED, "host: lost the host agent while %s ran", argv[0]);
		return event.kind == AGENT_KILLED ? end_by_signal(event.value) : event.value;
	}
	for (;;) {
		if (agent_receive(fd, &event, sizeof event) < 0)
			stop(STATUS_FAILED, "host: lost the host agent while %s ran", argv[0]);
		switch (event.kind) {
		case AGENT_STOPPED: kill(getpid(), SIGSTOP); break;
		case AGENT_KILLED: return end_by_signal(event.value);
		case AGENT_EXITED: return event.value;
		default: break;
		}
	}
}

int host_main(int argc, char **argv)
{
	if (argc < 2)
		stop(STATUS_FAILED, "usage: host PROGRAM [ARGUMENT…]");
	return run_on_host(argc - 1, argv + 1);
}

int host_link_main(const char *name, int argc, char **argv)
{
	char **arguments = allocate(((size_t)argc + 2) * sizeof *arguments);
	arguments[0] = join(name, NULL);
	for (int index = 1; index < argc; index++)
		arguments[index] = argv[index];
	int count = argc < 1 ? 1 : argc;
	arguments[count] = NULL;
	return run_on_host(count, arguments);
}
