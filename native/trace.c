/* Spans of this program's own work: see trace.h. */
#include "trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define TRACE_VARIABLE "DEVENV_TRACE_FILE"

static int trace_file = -1;
static char *trace_path;

void trace_begin(void)
{
	const char *path = getenv(TRACE_VARIABLE);
	if (path == NULL || path[0] != '/')
		return;
	trace_path = join(path, NULL);
	trace_file = open(trace_path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	unsetenv(TRACE_VARIABLE);
}

void trace_hand_on(void)
{
	if (trace_path != NULL)
		setenv(TRACE_VARIABLE, trace_path, 1);
}

uint64_t trace_now(void)
{
	struct timespec now;
	if (trace_file < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return 0;
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void trace_span(const char *name, uint64_t start, const char *detail)
{
	if (trace_file < 0 || start == 0)
		return;
	struct text line = {0};
	text_add_format(&line, "{\"ph\":\"X\",\"name\":\"%s\",\"pid\":%d,\"tid\":1,\"ts\":%llu,\"dur\":%llu", name, (int)getpid(),
	                (unsigned long long)start, (unsigned long long)(trace_now() - start));
	if (detail != NULL) {
		text_add(&line, ",\"args\":{\"detail\":\"");
		for (const unsigned char *at = (const unsigned char *)detail; *at != '\0'; at++)
			text_add_format(&line, *at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f ? "\\u%04x" : "%c", *at);
		text_add(&line, "\"}");
	}
	text_add(&line, "},\n");
	/* One write, so that lines of several processes stay whole. A trace that cannot be written is no reason to stop. */
	ssize_t written = write(trace_file, line.data, line.length);
	(void)written;
}
