/* Text, whole files and the one way to stop: see text.h. */
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *allocate(size_t size)
{
	void *memory = malloc(size == 0 ? 1 : size);
	if (memory == NULL)
		stop(STATUS_FAILED, "out of memory");
	return memory;
}

static void reserve(struct text *text, size_t more)
{
	if (more > (size_t)-1 / 4 - text->length)
		stop(STATUS_FAILED, "out of memory");
	size_t needed = text->length + more + 1;
	if (needed <= text->capacity)
		return;
	size_t capacity = text->capacity < 256 ? 256 : text->capacity;
	while (capacity < needed)
		capacity *= 2;
	char *data = realloc(text->data, capacity);
	if (data == NULL)
		stop(STATUS_FAILED, "out of memory");
	text->data = data;
	text->capacity = capacity;
}

void text_add_bytes(struct text *text, const void *bytes, size_t length)
{
	reserve(text, length);
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_format(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *string = NULL;
	if (vasprintf(&string, format, arguments) < 0)
		stop(STATUS_FAILED, "out of memory");
	va_end(arguments);
	text_add(text, string);
	free(string);
}

void strings_add(struct strings *strings, char *item)
{
	if (strings->count + 2 > strings->capacity) {
		size_t capacity = strings->capacity < 8 ? 16 : strings->capacity * 2;
		char **items = reallocarray(strings->items, capacity, sizeof *items);
		if (items == NULL)
			stop(STATUS_FAILED, "out of memory");
		strings->items = items;
		strings->capacity = capacity;
	}
	strings->items[strings->count++] = item;
	strings->items[strings->count] = NULL;
}

char *join(const char *first, ...)
{
	struct text text = {0};
	va_list arguments;
	va_start(arguments, first);
	for (const char *each = first; each != NULL; each = va_arg(arguments, const char *))
		text_add(&text, each);
	va_end(arguments);
	return text.data;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

int read_all(int fd, struct text *text, size_t limit)
{
	char buffer[65536];
	for (;;) {
		ssize_t count = read(fd, buffer, sizeof buffer);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		if ((size_t)count > limit - text->length) {
			errno = EFBIG;
			return -1;
		}
		text_add_bytes(text, buffer, (size_t)count);
	}
	if (text->data == NULL)
		text_add(text, "");
	return 0;
}

int read_file(const char *path, struct text *text, size_t limit)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int outcome = read_all(fd, text, limit);
	int saved = errno;
	close(fd);
	errno = saved;
	return outcome;
}

static void report(const char *format, va_list arguments)
{
	char *message = NULL;
	if (vasprintf(&message, format, arguments) < 0)
		message = "out of memory";
	/* One write, so that lines of several processes do not mix. */
	char *line = NULL;
	int length = asprintf(&line, "devenv: %s\n", message);
	if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody left to tell */
}

void warn_user(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report(format, arguments);
	va_end(arguments);
}

void stop(int status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report(format, arguments);
	va_end(arguments);
	_exit(status);
}

void stop_diagnostic(const char *code, const char *message, const char *note, const char *help)
{
	struct text text = {0};
	text_add_format(&text, "error[%s]: %s\n  note: %s\n  help: %s\n", code, message, note, help);
	if (write(STDERR_FILENO, text.data, text.length) < 0)
		_exit(STATUS_FAILED); /* nobody left to tell */
	_exit(STATUS_FAILED);
}

static int is_on_path(const char *name)
{
	const char *path = getenv("PATH");
	for (const char *at = path == NULL ? "/usr/bin:/bin" : path;;) {
		const char *end = strchrnul(at, ':');
		struct text candidate = {0};
		text_add_bytes(&candidate, at, (size_t)(end - at));
		text_add(&candidate, "/");
		text_add(&candidate, name);
		if (access(candidate.data, F_OK) == 0)
			return 1;
		if (*end == '\0')
			return 0;
		at = end + 1;
	}
}

void stop_exec(const char *who, const char *name, int error)
{
	if (error == EACCES && strchr(name, '/') == NULL && !is_on_path(name))
		error = ENOENT;
	if (error == ENOENT)
		stop(STATUS_NOT_FOUND, "%s%s: %s", who, name, strchr(name, '/') == NULL ? "command not found" : strerror(error));
	stop(STATUS_CANNOT_RUN, "%s%s: %s", who, name, strerror(error));
}
