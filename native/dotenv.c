/* Files of variables: see dotenv.h. */
#include "dotenv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In bytes. A larger file has no variables. */
#define DOTENV_LIMIT (256u << 10)

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int is_name(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static char *skip_blanks(char *at)
{
	while (is_blank(*at))
		at++;
	return at;
}

/* The end of the line: its line feed, or the end of the text. */
static char *line_end(char *at)
{
	return strchrnul(at, '\n');
}

/* What stands in quotes, `*at` moving from the opening to behind the closing one; NULL where that is missing. */
static char *quoted(char **at)
{
	char quote = **at;
	struct text value = {0};
	text_add(&value, "");
	for (char *each = *at + 1; *each != '\0'; each++) {
		if (*each == quote) {
			*at = each + 1;
			return value.data;
		}
		if (quote == '"' && *each == '\\' && each[1] != '\0') {
			static const char written[] = "nrt\"\\$", meant[] = "\n\r\t\"\\$";
			const char *known = strchr(written, each[1]);
			if (known != NULL) {
				text_add_bytes(&value, &meant[known - written], 1);
				each++;
				continue;
			}
		}
		text_add_bytes(&value, each, 1);
	}
	return NULL;
}

/* `at`: behind the `=`. */
static char *unquoted(char *at, char *end)
{
	for (char *each = at; each < end; each++)
		if (*each == '#' && is_blank(each[-1]))
			end = each;
	while (at < end && is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	struct text value = {0};
	text_add_bytes(&value, at, (size_t)(end - at));
	return value.data;
}

/* Reads one line, or several where a value has them; what follows. */
static char *read_line(char *at, struct strings *variables)
{
	at = skip_blanks(at);
	if (strncmp(at, "export", 6) == 0 && is_blank(at[6]))
		at = skip_blanks(at + 6);
	char *name = at;
	while (is_name(*at))
		at++;
	char *name_end = at;
	at = skip_blanks(at);
	char *end = line_end(at);
	if (name_end == name || (*name >= '0' && *name <= '9') || *at != '=')
		return end;
	char *start = skip_blanks(++at);
	char *value;
	if (*start == '"' || *start == '\'' || *start == '`') {
		at = start;
		value = quoted(&at);
		if (value == NULL)
			return end;
		at = skip_blanks(at);
		end = line_end(at);
		if (*at != '\0' && *at != '\n' && *at != '#')
			return end;
	} else {
		value = unquoted(at, end);
	}
	struct text copy = {0};
	text_add_bytes(&copy, name, (size_t)(name_end - name));
	strings_add(variables, copy.data);
	strings_add(variables, value);
	return end;
}

void dotenv_read(const char *path, struct strings *variables)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	struct stat info;
	struct text text = {0};
	int usable = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && read_all(fd, &text, DOTENV_LIMIT) == 0;
	close(fd);
	if (!usable || memchr(text.data, '\0', text.length) != NULL)
		return;
	char *at = text.data;
	if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	while (*at != '\0') {
		at = read_line(at, variables);
		if (*at == '\n')
			at++;
	}
}
