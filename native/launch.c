/* From a stamp to a shell: see launch.h. */
#include "launch.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "ask.h"
#include "commands.h"
#include "consent.h"
#include "daemon.h"
#include "trace.h"
#include "view.h"

/* Tells a shell that the hook opened where to write what folder the user goes on in (packages/shell/src/hooks). */
#define HOOK_VARIABLE "DEVENV_HOOK_HANDOFF"

/* ---- the environment ---------------------------------------------------------------------------------------------- */

/* Whether `element` is one of the elements of `list`. */
static int has_element(const char *list, char separator, const char *element, size_t length)
{
	for (const char *at = list;;) {
		const char *end = strchrnul(at, separator);
		if ((size_t)(end - at) == length && memcmp(at, element, length) == 0)
			return 1;
		if (*end == '\0')
			return 0;
		at = end + 1;
	}
}

/* Adds the elements of `list` to `result`, but those that `without` has. */
static void add_elements(struct text *result, const char *list, char separator, const char *without)
{
	for (const char *at = list;;) {
		const char *end = strchrnul(at, separator);
		size_t length = (size_t)(end - at);
		if (length > 0 && (without == NULL || !has_element(without, separator, at, length))) {
			if (result->length > 0)
				text_add_bytes(result, &separator, 1);
			text_add_bytes(result, at, length);
		}
		if (*end == '\0')
			return;
		at = end + 1;
	}
}

static void join_list(const struct change *change, int first)
{
	const char *present = getenv(change->name);
	struct text result = {0};
	text_add(&result, "");
	char separator = change->separator[0];
	if (separator == '\0')
		return;
	if (first)
		add_elements(&result, change->value, separator, NULL);
	if (present != NULL)
		add_elements(&result, present, separator, change->value);
	if (!first)
		add_elements(&result, change->value, separator, NULL);
	setenv(change->name, result.data, 1);
}

/* A file of the host's /usr or /etc that a variable names (a CA bundle) and the view lacks is found under the host's tree. */
static void rehost(const char *name)
{
	static const char *const hidden[] = {"/usr/", "/etc/", "/opt/", "/var/lib/", "/var/cache/"};
	const char *value = getenv(name);
	for (size_t index = 0; value != NULL && index < sizeof hidden / sizeof *hidden; index++) {
		if (strncmp(value, hidden[index], strlen(hidden[index])) != 0)
			continue;
		char *path = join(HOST_TREE, value, NULL);
		if (access(value, F_OK) < 0 && access(path, F_OK) == 0)
			setenv(name, path, 1);
		return;
	}
}

static void keep_only(const struct strings *names)
{
	char **values = allocate((names->count + 1) * sizeof *values);
	for (size_t index = 0; index < names->count; index++) {
		const char *value = getenv(names->items[index]);
		values[index] = value == NULL ? NULL : join(value, NULL);
	}
	clearenv();
	for (size_t index = 0; index < names->count; index++)
		if (values[index] != NULL)
			setenv(names->items[index], values[index], 1);
}

/* Tells the shell's startup text what the variable was, which is to be so again when the environment sets it no more. */
static void remember_value(const struct change *change)
{
	const char *value = getenv(change->name);
	if (value != NULL && strcmp(value, change->value) != 0)
		setenv(join("__DEVENV_HAD_", change->name, NULL), value, 1);
}

static void apply(const struct stamp *stamp, int interactive, int keep_set)
{
	if (stamp->clean)
		keep_only(&stamp->keep);
	const struct strings *variables = &stamp->variables;
	/* What env.yaml says itself comes after, and counts. */
	for (size_t index = 0; !keep_set && index + 1 < variables->count; index += 2)
		setenv(variables->items[index], variables->items[index + 1], 1);
	for (size_t index = 0; index < stamp->change_count; index++) {
		const struct change *change = &stamp->changes[index];
		if (strcmp(change->kind, "set") == 0) {
			if (keep_set && getenv(change->name) != NULL)
				continue;
			if (interactive)
				remember_value(change);
			setenv(change->name, change->value, 1);
		}
		else if (strcmp(change->kind, "unset") == 0)
			unsetenv(change->name);
		else if (strcmp(change->kind, "rehost") == 0)
			rehost(change->name);
		else
			join_list(change, strcmp(change->kind, "prepend") == 0);
	}
	/* Of the same name the last one counts. */
	for (size_t index = variables->count; keep_set && index >= 2; index -= 2)
		setenv(variables->items[index - 2], variables->items[index - 1], 0);
}

void apply_changes(const struct stamp *stamp, int interactive)
{
	apply(stamp, interactive, 0);
}

void apply_changes_beneath(const struct stamp *stamp, int keep_set)
{
	apply(stamp, 0, keep_set);
}

/* ---- finding the stamp -------------------------------------------------------------------------------------------- */

char *state_folder(void)
{
	const char *home = getenv("DEVENV_HOME");
	if (home != NULL && home[0] != '\0')
		return home[0] == '/' ? join(home, "/state", NULL) : NULL;
	const char *state = getenv("XDG_STATE_HOME");
	if (state != NULL && state[0] == '/')
		return join(state, "/devenv", NULL);
	home = getenv("HOME");
	return home != NULL && home[0] == '/' ? join(home, "/.local/state/devenv", NULL) : NULL;
}

char *runtime_folder(void)
{
	const char *home = getenv("DEVENV_HOME");
	if (home != NULL && home[0] != '\0')
		return home[0] == '/' ? join(home, "/run", NULL) : NULL;
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (runtime != NULL && runtime[0] == '/')
		return join(runtime, "/devenv", NULL);
	char *state = state_folder();
	return state == NULL ? NULL : join(state, "/run", NULL);
}

char *project_hash(const char *project)
{
	/* FNV-1a, 64 bits; whatever is named so says which project it means, so that a collision costs time only. */
	uint64_t hash = 0xcbf29ce484222325u;
	for (const unsigned char *at = (const unsigned char *)project; *at != '\0'; at++)
		hash = (hash ^ *at) * 0x100000001b3u;
	char name[17];
	snprintf(name, sizeof name, "%016llx", (unsigned long long)hash);
	return join(name, NULL);
}

char *stamp_path(const char *project, int as_user)
{
	char *state = state_folder();
	return state == NULL ? NULL : join(state, "/stamps/", project_hash(project), as_user ? "-user" : "", ".stamp", NULL);
}

char *find_project(void)
{
	char *folder = getcwd(NULL, 0);
	if (folder == NULL || folder[0] != '/')
		return NULL;
	for (;;) {
		struct stat info;
		if (stat(join(strcmp(folder, "/") == 0 ? "" : folder, "/env.yaml", NULL), &info) == 0)
			return folder;
		char *slash = strrchr(folder, '/');
		if (folder[1] == '\0')
			return NULL;
		slash[slash == folder ? 1 : 0] = '\0';
	}
}

/* ---- what node changes -------------------------------------------------------------------------------------------- */

/* Set for the fallback: the soft limit of open files and the ignored signals (bit N-1 in hexadecimal), which node raises
 * and changes, so that `enter` can give the shell its caller's. */
#define CALLER_VARIABLE "DEVENV_CALLER_PROCESS"

static void remember_caller(void)
{
	struct rlimit files;
	unsigned long long ignored = 0;
	for (int number = 1; number < NSIG && number <= 64; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			ignored |= 1ull << (number - 1);
	}
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	char value[64];
	snprintf(value, sizeof value, "%llu %llx", (unsigned long long)files.rlim_cur, ignored);
	setenv(CALLER_VARIABLE, value, 1);
}

static void restore_caller(void)
{
	const char *value = getenv(CALLER_VARIABLE);
	unsigned long long limit = 0, ignored = 0;
	struct rlimit files;
	if (value != NULL && sscanf(value, "%llu %llx", &limit, &ignored) == 2 && getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    limit < files.rlim_cur) {
		files.rlim_cur = (rlim_t)limit;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Those that node ignores, unless the caller did. */
	const int changed[] = {SIGPIPE, SIGXFSZ};
	for (size_t index = 0; index < sizeof changed / sizeof *changed; index++)
		if (!(ignored >> (changed[index] - 1) & 1))
			signal(changed[index], SIG_DFL);
	unsetenv(CALLER_VARIABLE);
}

/* ---- entering ----------------------------------------------------------------------------------------------------- */

static void enter(struct stamp *stamp, char **command)
{
	stamp_load_variables(stamp, 0);
	uint64_t begun = trace_now();
	if (stamp->view.root != NULL) {
		view_enter(&stamp->view);
		trace_span("make the view", begun, NULL);
	}
	begun = trace_now();
	char *socket = getenv(HOST_SOCKET_VARIABLE);
	socket = socket == NULL || stamp->view.runtime == NULL ? NULL : join(socket, NULL);
	char *handoff = getenv(HOOK_VARIABLE);
	handoff = handoff == NULL || command != NULL ? NULL : join(handoff, NULL);
	apply_changes(stamp, command == NULL);
	if (socket != NULL)
		setenv(HOST_SOCKET_VARIABLE, socket, 1);
	if (handoff != NULL)
		setenv(HOOK_VARIABLE, handoff, 1);
	char **arguments = command != NULL ? command : stamp->shell.items;
	if (arguments == NULL)
		stop(STATUS_FAILED, "the activation stamp names no shell");
	trace_span("apply the environment", begun, arguments[0]);
	execvp(arguments[0], arguments);
	stop_exec("", arguments[0], errno);
}

int enter_main(int argc, char **argv)
{
	if (argc < 2 || (argc > 2 && (argc == 3 || strcmp(argv[2], "--") != 0)))
		stop(STATUS_FAILED, "usage: enter STAMP [-- PROGRAM [ARGUMENT…]]");
	trace_begin();
	uint64_t begun = trace_now();
	struct stamp stamp;
	const char *problem = stamp_read(argv[1], &stamp);
	if (problem != NULL)
		stop(STATUS_FAILED, "cannot use the activation stamp %s: %s", argv[1], problem);
	restore_caller();
	stamp_note_use(argv[1], &stamp);
	trace_span("read the stamp", begun, NULL);
	enter(&stamp, argc > 3 ? argv + 3 : NULL);
	return STATUS_FAILED;
}

/* Enters if `arguments` is a plain `shell` whose stamp holds; returns otherwise. */
static void try_stamp(char **arguments, char **fallback, int fallback_count)
{
	int as_user = 0, ambient = 0;
	if (arguments[0] == NULL || strcmp(arguments[0], "shell") != 0)
		return;
	char **rest = arguments + 1;
	if (*rest != NULL && strcmp(*rest, "--ambient") == 0) {
		ambient = 1;
		rest++;
	}
	if (*rest != NULL && strcmp(*rest, "--user") == 0) {
		as_user = 1;
		rest++;
	}
	char **command = NULL;
	if (*rest != NULL) {
		if (strcmp(*rest, "--") != 0 || rest[1] == NULL)
			return;
		command = rest + 1;
	}
	uint64_t begun = trace_now();
	char *project = find_project();
	char *path = project == NULL ? NULL : stamp_path(project, as_user);
	struct stamp stamp;
	if (path == NULL || stamp_read(path, &stamp) != NULL)
		return;
	const char *why = NULL;
	if (stamp.project == NULL || strcmp(stamp.project, project) != 0)
		return;
	int holds = stamp.lasting && stamp_holds(&stamp, &why);
	trace_span(holds ? "check the stamp: it holds" : "check the stamp: it does not hold", begun, why);
	if (!holds) {
		if (getenv("DEVENV_TRACE_STAMP") != NULL)
			warn_user("the activation stamp does not hold: %s changed", why == NULL ? path : why);
		begun = trace_now();
		path = ask_for_stamp(fallback[0], project, as_user, ambient);
		trace_span("ask the daemon without node", begun, path == NULL ? "it takes longer, or has something to say" : NULL);
		if (path == NULL || stamp_read(path, &stamp) != NULL)
			return;
	}
	if (ambient && consent_of(project, stamp.allowed_content) != CONSENT_GIVEN)
		return;
	stamp_note_use(path, &stamp);
	begun = trace_now();
	if (command == NULL && stamp.live != NULL) {
		daemon_rouse(stamp.live, fallback, fallback_count);
		trace_span("look for the daemon", begun, NULL);
	}
	enter(&stamp, command);
}

int launch_main(int argc, char **argv)
{
	int dashes = 1;
	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (dashes == 1 || dashes == argc)
		stop(STATUS_FAILED, "usage: launch FALLBACK… -- ARGUMENT…");
	trace_begin();
	try_stamp(argv + dashes + 1, argv + 1, dashes - 1);
	trace_hand_on();
	char **fallback = allocate((size_t)argc * sizeof *fallback);
	int count = 0;
	for (int index = 1; index < argc; index++)
		if (index != dashes)
			fallback[count++] = argv[index];
	fallback[count] = NULL;
	remember_caller();
	execvp(fallback[0], fallback);
	stop_exec("", fallback[0], errno);
}
