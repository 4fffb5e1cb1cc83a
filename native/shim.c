/*
 * Shims: programs of an environment for callers that are in no view.
 *
 *   shim FILE [ARGUMENT…]    FILE is a script whose interpreter this is, written by packages/shell/src/shims.ts:
 *                                #!HELPER shim
 *                                #stamp PATH
 *                                #program PATH
 *
 * Enters the view of that stamp and becomes the program. The stamp is that of the last content that was allowed, so what it
 * was computed from is not looked at. A caller who has the project's variables keeps what he made of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "commands.h"
#include "launch.h"
#include "view.h"

#define SHIM_LIMIT (64u << 10)

/* The text behind `#NAME ` of the line that `*at` is in, which moves to the next line; stops the process without it. */
static char *take_line(char **at, const char *name, const char *file)
{
	size_t length = strlen(name);
	char *line = *at;
	char *end = strchr(line, '\n');
	if (end == NULL || line[0] != '#' || strncmp(line + 1, name, length) != 0 || line[length + 1] != ' ' ||
	    line[length + 2] != '/')
		stop(STATUS_FAILED, "%s: this shim is damaged; `devenv shims` makes it anew", file);
	*end = '\0';
	*at = end + 1;
	return line + length + 2;
}

int shim_main(int argc, char **argv)
{
	if (argc < 2)
		stop(STATUS_FAILED, "usage: shim FILE [ARGUMENT…]");
	const char *file = argv[1];
	struct text text = {0};
	if (read_file(file, &text, SHIM_LIMIT) < 0)
		stop(STATUS_FAILED, "cannot read %s: %s", file, strerror(errno));
	char *at = strchr(text.data, '\n');
	at = at == NULL ? text.data : at + 1;
	char *stamp_file = take_line(&at, "stamp", file);
	char *program = take_line(&at, "program", file);
	struct stamp stamp;
	const char *problem = stamp_read(stamp_file, &stamp);
	if (problem == NULL && (stamp.view.root == NULL || stamp.project == NULL))
		problem = "it describes no view";
	if (problem != NULL)
		stop(STATUS_FAILED, "%s cannot be entered (%s); `devenv shims` in its project makes it anew", stamp_file, problem);
	if (access(stamp.view.root, F_OK) < 0 || access(stamp.view.etc, F_OK) < 0)
		stop(STATUS_FAILED, "the environment of %s is not in the store any more; `devenv shims` there makes it anew",
		     stamp.project);
	stamp_note_use(stamp_file, &stamp);
	const char *active = getenv("DEVENV_ROOT");
	int is_active = active != NULL && strcmp(active, stamp.project) == 0;
	stamp_load_variables(&stamp, 1);
	view_enter(&stamp.view);
	char *socket = getenv(HOST_SOCKET_VARIABLE);
	socket = socket == NULL || stamp.view.runtime == NULL ? NULL : join(socket, NULL);
	apply_changes_beneath(&stamp, is_active);
	if (socket != NULL)
		setenv(HOST_SOCKET_VARIABLE, socket, 1);
	argv[1] = program;
	execv(program, argv + 1);
	stop_exec("", program, errno);
}
