/* See consent.h. */
#include "consent.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"
#include "text.h"

#define DECISION_LIMIT (64u << 10)
#define HINT_LIMIT (1u << 20)

static int is_file(const char *path)
{
	struct stat info;
	return lstat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* A file's text; NULL where it is not a file, cannot be read, or is longer than `limit`. */
static char *text_of(const char *path, size_t limit, size_t *length)
{
	struct stat info;
	struct text text = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return NULL;
	int good = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= (off_t)limit &&
	           read_all(fd, &text, limit) == 0;
	close(fd);
	if (!good)
		return NULL;
	*length = text.length;
	return text.data == NULL ? join("", NULL) : text.data;
}

/* The text as JSON.stringify writes it. */
static void add_json(struct text *to, const char *string)
{
	static const char *const short_forms[] = {"\"\\\"", "\\\\\\", "\b\\b", "\f\\f", "\n\\n", "\r\\r", "\t\\t"};
	text_add(to, "\"");
	for (const char *at = string; *at != '\0'; at++) {
		const char *form = NULL;
		for (size_t index = 0; index < sizeof short_forms / sizeof *short_forms; index++)
			if (short_forms[index][0] == *at)
				form = short_forms[index] + 1;
		if (form != NULL)
			text_add(to, form);
		else if ((unsigned char)*at < 0x20)
			text_add_format(to, "\\u%04x", (unsigned)*at);
		else
			text_add_bytes(to, at, 1);
	}
	text_add(to, "\"");
}

/* Whether the file holds this decision on this folder; anything else in it is no decision. */
static int says(const char *text, size_t length, const char *project, const char *decision)
{
	struct text expected = {0};
	text_add(&expected, "{\"version\":1,\"project\":");
	add_json(&expected, project);
	text_add_format(&expected, ",\"decision\":\"%s\"}\n", decision);
	return length == expected.length && memcmp(text, expected.data, length) == 0;
}

enum consent consent_of_folder(const char *project)
{
	char *state = state_folder();
	size_t length = 0;
	char *text = state == NULL ? NULL
	                           : text_of(join(state, "/trust/folders/", project_hash(project), ".json", NULL),
	                                     DECISION_LIMIT, &length);
	if (text == NULL)
		return CONSENT_NONE;
	if (says(text, length, project, "always"))
		return CONSENT_GIVEN;
	return says(text, length, project, "denied") ? CONSENT_DENIED : CONSENT_NONE;
}

enum consent consent_of(const char *project, const char *allowed_content)
{
	enum consent folder = consent_of_folder(project);
	if (folder != CONSENT_NONE)
		return folder;
	return allowed_content != NULL && is_file(allowed_content) ? CONSENT_GIVEN : CONSENT_NONE;
}

static uint32_t add_bytes(uint32_t hash, const char *bytes, size_t length)
{
	for (size_t index = 0; index < length; index++)
		hash = (hash ^ (unsigned char)bytes[index]) * 0x01000193u;
	return hash;
}

char *content_hint(const char *project)
{
	static const char *const names[] = {"/env.yaml", "/env.local.yaml", "/env.lock"};
	uint32_t lanes[] = {0x811c9dc5u, 0x9747b28cu};
	for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
		size_t length = 0;
		char *text = text_of(join(project, names[index], NULL), HINT_LIMIT, &length);
		for (size_t lane = 0; lane < 2; lane++) {
			lanes[lane] = add_bytes(lanes[lane], text == NULL ? "\0" : "\1", 1);
			if (text != NULL)
				lanes[lane] = add_bytes(add_bytes(lanes[lane], text, length), "\0", 1);
		}
	}
	char hint[17];
	snprintf(hint, sizeof hint, "%08x%08x", lanes[0], lanes[1]);
	return join(hint, NULL);
}

int is_hinted(const char *hint)
{
	char *state = state_folder();
	return state != NULL && is_file(join(state, "/trust/hints/", hint, NULL));
}
