/*
 * Text, whole files and the one way to stop.
 *
 * The helper is a short-lived process that ends in execve or _exit, so nothing here is ever freed; running out of
 * memory ends the process with a message.
 */
#ifndef DEVENV_TEXT_H
#define DEVENV_TEXT_H

#include <stddef.h>

/* Exit status of the helper's own failures (as of env(1)); 126 and 127 are "cannot run" and "not found". */
#define STATUS_FAILED 125
#define STATUS_CANNOT_RUN 126
#define STATUS_NOT_FOUND 127

/* A growing byte string; `data` is always NUL-terminated once something was added. Zero-initialise it. */
struct text {
	char *data;
	size_t length;
	size_t capacity;
};

void *allocate(size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_add_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A list of pointers, ended by NULL. */
struct strings {
	char **items;
	size_t count;
	size_t capacity;
};

void strings_add(struct strings *strings, char *item);

/* The concatenation of its arguments, which end with NULL. */
char *join(const char *first, ...) __attribute__((sentinel));

/* The part of a path behind its last slash. */
const char *base_name(const char *path);

/* Ends the process after exec of `name` failed with `error`: "not found" also where only a folder of PATH could not be
 * searched. `who` starts the message. */
void stop_exec(const char *who, const char *name, int error) __attribute__((noreturn));

/* Reads at most `limit` bytes of an open file into `text`; -1 with errno (EFBIG when it is longer). */
int read_all(int fd, struct text *text, size_t limit);

/* Reads a file; the same failures. */
int read_file(const char *path, struct text *text, size_t limit);

/* Writes "devenv: …" and a line end to standard error. */
void warn_user(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As warn_user, then ends the process with `status`. */
void stop(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* Prints a diagnostic in the form of the client's own and ends with STATUS_FAILED. */
void stop_diagnostic(const char *code, const char *message, const char *note, const char *help) __attribute__((noreturn));

#endif
