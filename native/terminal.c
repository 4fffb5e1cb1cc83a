/* A terminal for host programs asked for from another session: see terminal.h. */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(sizeof(struct termios) <= sizeof((struct agent_terminal *)0)->modes, "terminal modes do not fit");

void terminal_describe(struct agent_terminal *terminal)
{
	memset(terminal, 0, sizeof *terminal);
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return;
	struct termios modes;
	struct winsize size;
	if (tcgetattr(tty, &modes) == 0) {
		terminal->present = 1;
		memcpy(terminal->modes, &modes, sizeof modes);
		if (ioctl(tty, TIOCGWINSZ, &size) == 0) {
			terminal->rows = size.ws_row;
			terminal->columns = size.ws_col;
		}
		for (uint32_t fd = 0; fd < 3; fd++)
			if (isatty((int)fd) && tcgetsid((int)fd) == getsid(0))
				terminal->descriptors |= 1u << fd;
	}
	close(tty);
}

int terminal_receive_started(int agent, struct agent_event *event, int *master)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec piece = {event, sizeof *event};
	struct msghdr message = {
	    .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	*master = -1;
	if (recvmsg(agent, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL) != (ssize_t)sizeof *event)
		return -1;
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	if (part != NULL && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
		memcpy(master, CMSG_DATA(part), sizeof *master);
	return 0;
}

static int write_all(int fd, const char *bytes, ssize_t count)
{
	for (ssize_t at = 0; at < count;) {
		ssize_t written = write(fd, bytes + at, (size_t)(count - at));
		if (written < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		at += written < 0 ? 0 : written;
	}
	return 0;
}

/* Copies what is there; 0 at the end. */
static int copy(int from, int to)
{
	char buffer[16384];
	ssize_t count = read(from, buffer, sizeof buffer);
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	return count > 0 && write_all(to, buffer, count) == 0;
}

static void copy_size(int tty, int master)
{
	struct winsize size;
	if (ioctl(tty, TIOCGWINSZ, &size) == 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
}

/* Whether keys go to this process group (a background job must leave the terminal alone). */
static int is_foreground(int tty)
{
	return tcgetpgrp(tty) == getpgrp();
}

int terminal_relay(int agent, int master, struct agent_event *event)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return -1;
	struct termios before, raw;
	int changed = is_foreground(tty) && tcgetattr(tty, &before) == 0;
	if (changed) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(tty, TCSADRAIN, &raw);
	}
	struct pollfd polled[] = {{agent, POLLIN, 0}, {master, POLLIN, 0}, {changed ? tty : -1, POLLIN, 0}};
	int outcome = 0;
	for (;;) {
		/* Signals that change the window's size interrupt this. */
		int ready = poll(polled, 3, -1);
		copy_size(tty, master);
		if (ready < 0 && errno == EINTR)
			continue;
		if (polled[1].revents != 0 && !copy(master, tty))
			polled[1].fd = -1;
		if (polled[2].revents != 0 && !copy(tty, master))
			polled[2].fd = -1;
		if (polled[0].revents == 0)
			continue;
		outcome = agent_receive(agent, event, sizeof *event);
		if (outcome < 0 || event->kind == AGENT_EXITED || event->kind == AGENT_KILLED)
			break;
	}
	/* What the program wrote last. */
	struct pollfd rest = {master, POLLIN, 0};
	while (poll(&rest, 1, 0) > 0 && (rest.revents & POLLIN) && copy(master, tty))
		;
	if (changed)
		tcsetattr(tty, TCSADRAIN, &before);
	close(tty);
	return outcome;
}

int terminal_open(const struct agent_terminal *terminal, int *master, int *slave)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0)
		return -1;
	const char *name = grantpt(*master) == 0 && unlockpt(*master) == 0 ? ptsname(*master) : NULL;
	*slave = name == NULL ? -1 : open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0) {
		close(*master);
		return -1;
	}
	struct termios modes;
	struct winsize size = {.ws_row = terminal->rows, .ws_col = terminal->columns};
	memcpy(&modes, terminal->modes, sizeof modes);
	tcsetattr(*slave, TCSANOW, &modes);
	(void)ioctl(*slave, TIOCSWINSZ, &size);
	return 0;
}

int terminal_take(const struct agent_terminal *terminal, int slave)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		if ((terminal->descriptors >> fd & 1) && dup2(slave, fd) < 0)
			return -1;
	return 0;
}

int terminal_send_started(int caller, int joined, int master)
{
	struct agent_event event = {AGENT_STARTED, joined};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	memset(&control, 0, sizeof control);
	struct iovec piece = {&event, sizeof event};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	if (master >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &master, sizeof master);
	}
	return sendmsg(caller, &message, MSG_NOSIGNAL) == (ssize_t)sizeof event ? 0 : -1;
}
