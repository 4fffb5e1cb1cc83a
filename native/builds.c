/*
 * devenv-helper builds
 *
 * Starts the builds of its caller. Starting one from a large process costs it as much as the build itself: the kernel copies
 * its page tables each time. This process stays small.
 *
 * Standard input carries requests, standard output events, both as frames: three 32-bit words in the machine's byte order
 * (the build's number, which the caller chooses; the kind, an ASCII letter; the length of what follows) and as many bytes.
 *
 *     B SPECIFICATION   start a build (build-specification.h)
 *     K SIGNAL          send its process a signal: SIGTERM ends the build, SIGKILL too
 *     P | R             stop reading its output, and go on
 *
 *     O BYTES           the builder's output
 *     S BYTES           a part of the build's report (build.h)
 *     E WORDS           no process and no output of it is left; how its process ended: exited STATUS | killed SIGNAL
 *
 * At the end of its input it ends, and all builds with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build.h"
#include "commands.h"
#include "text.h"

/* Bytes; environments and file texts are the bulk of it. */
#define SPECIFICATION_LIMIT ((uint32_t)256 << 20)

/* Bytes that are read of one build before the others get their turn. */
#define PIECE 65536

struct header {
	uint32_t build, kind, length;
};

struct running {
	uint32_t number;
	pid_t process;
	/* -1 once at its end. */
	int output, report;
	bool held;
};

static struct running *builds;
static size_t build_count, build_room;
static pid_t server;

static void write_whole(const void *bytes, size_t length)
{
	for (const char *at = bytes; length > 0;) {
		ssize_t written = write(1, at, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			_exit(STATUS_FAILED); /* the caller is gone */
		at += written;
		length -= (size_t)written;
	}
}

/* False at the end of the input, and where it ends in the middle. */
static bool read_whole(void *bytes, size_t length)
{
	for (char *at = bytes; length > 0;) {
		ssize_t got = read(0, at, length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		length -= (size_t)got;
	}
	return true;
}

static void tell(uint32_t build, char kind, const void *bytes, size_t length)
{
	struct header header = {.build = build, .kind = (uint32_t)kind, .length = (uint32_t)length};
	write_whole(&header, sizeof header);
	write_whole(bytes, length);
}

static void tell_not_started(uint32_t build, const char *step)
{
	char words[256];
	int length = snprintf(words, sizeof words, "failed%c%s%c%s%c", 0, step, 0, strerror(errno), 0);
	tell(build, 'S', words, (size_t)length);
	length = snprintf(words, sizeof words, "exited%c%d%c", 0, STATUS_FAILED, 0);
	tell(build, 'E', words, (size_t)length);
}

/* The process of one build. */
static _Noreturn void become_build(struct text *specification, int output, int report)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != server)
		_exit(STATUS_FAILED);
	signal(SIGPIPE, SIG_DFL);
	int nothing = open("/dev/null", O_RDONLY);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(STATUS_FAILED);
	build_close_others(report);
	_exit(build_run(specification->data, specification->length, report));
}

static void start(uint32_t number, struct text *specification)
{
	int output[2], report[2];
	if (pipe2(output, O_CLOEXEC) < 0) {
		tell_not_started(number, "make a pipe");
		return;
	}
	if (pipe2(report, O_CLOEXEC) < 0) {
		tell_not_started(number, "make a pipe");
		close(output[0]);
		close(output[1]);
		return;
	}
	pid_t process = fork();
	if (process == 0)
		become_build(specification, output[1], report[1]);
	if (process < 0)
		tell_not_started(number, "start a process");
	close(output[1]);
	close(report[1]);
	if (process < 0) {
		close(output[0]);
		close(report[0]);
		return;
	}
	if (build_count == build_room) {
		build_room = build_room ? 2 * build_room : 16;
		builds = realloc(builds, build_room * sizeof *builds);
		if (builds == NULL)
			stop(STATUS_FAILED, "out of memory");
	}
	builds[build_count++] = (struct running){.number = number, .process = process, .output = output[0], .report = report[0]};
}

static struct running *find(uint32_t number)
{
	for (size_t i = 0; i < build_count; i++)
		if (builds[i].number == number)
			return &builds[i];
	return NULL; /* it has ended meanwhile */
}

/* False at the end of the input. */
static bool take_request(void)
{
	struct header header;
	if (!read_whole(&header, sizeof header))
		return false;
	if (header.length > SPECIFICATION_LIMIT)
		stop(STATUS_FAILED, "a request of %u bytes is too long", header.length);
	struct text text = {.data = allocate((size_t)header.length + 1), .length = header.length};
	if (!read_whole(text.data, text.length))
		return false;
	text.data[text.length] = 0;
	struct running *build = header.kind == 'B' ? NULL : find(header.build);
	if (header.kind == 'B')
		start(header.build, &text);
	else if (build != NULL && header.kind == 'K')
		kill(build->process, atoi(text.data));
	else if (build != NULL)
		build->held = header.kind == 'P';
	free(text.data);
	return true;
}

/* Passes on what has come; the descriptor is closed at its end. */
static void pass_on(struct running *build, int *fd, char kind)
{
	static char piece[PIECE];
	ssize_t got = read(*fd, piece, sizeof piece);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got > 0) {
		tell(build->number, kind, piece, (size_t)got);
		return;
	}
	close(*fd);
	*fd = -1;
}

/* The build's process holds its report open until it ends. */
static void conclude(const struct running *build)
{
	int status = 0;
	while (waitpid(build->process, &status, 0) < 0 && errno == EINTR)
		;
	char words[64];
	int length = WIFSIGNALED(status) ? snprintf(words, sizeof words, "killed%c%d%c", 0, WTERMSIG(status), 0)
					 : snprintf(words, sizeof words, "exited%c%d%c", 0, WEXITSTATUS(status), 0);
	tell(build->number, 'E', words, (size_t)length);
}

int builds_main(int argc, char **argv)
{
	(void)argv;
	if (argc != 1) {
		fputs("usage: devenv-helper builds\n", stderr);
		return 2;
	}
	build_close_others(3);
	close(3);
	signal(SIGPIPE, SIG_IGN);
	server = getpid();
	struct pollfd *polled = NULL;
	for (;;) {
		polled = realloc(polled, (1 + 2 * build_count) * sizeof *polled);
		if (polled == NULL)
			stop(STATUS_FAILED, "out of memory");
		polled[0] = (struct pollfd){.fd = 0, .events = POLLIN};
		size_t count = build_count;
		for (size_t i = 0; i < count; i++) {
			/* A negative descriptor is passed over. */
			polled[1 + 2 * i] = (struct pollfd){.fd = builds[i].held ? -1 : builds[i].output, .events = POLLIN};
			polled[2 + 2 * i] = (struct pollfd){.fd = builds[i].report, .events = POLLIN};
		}
		if (poll(polled, 1 + 2 * count, -1) < 0) {
			if (errno == EINTR)
				continue;
			stop(STATUS_FAILED, "cannot wait for builds: %s", strerror(errno));
		}
		for (size_t i = 0; i < count; i++) {
			if (polled[1 + 2 * i].revents != 0)
				pass_on(&builds[i], &builds[i].output, 'O');
			if (polled[2 + 2 * i].revents != 0)
				pass_on(&builds[i], &builds[i].report, 'S');
		}
		if (polled[0].revents != 0 && !take_request())
			return 0;
		for (size_t i = 0; i < build_count;) {
			if (builds[i].output < 0 && builds[i].report < 0) {
				conclude(&builds[i]);
				builds[i] = builds[--build_count];
			} else {
				i++;
			}
		}
	}
}
