/*
 * The native helper: one static program whose first argument chooses what it does. Under any other name than its own it
 * is that program of the host (see agent.h).
 */

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "agent.h"
#include "commands.h"
#include "text.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{"builds", builds_main},
	{"merge-upper", merge_upper_main},
	{"view", view_main},
	{"probe", probe_main},
	{"launch", launch_main},
	{"enter", enter_main},
	{"host", host_main},
	{"hook", hook_main},
	{"shim", shim_main},
	{"swap", swap_main},
};

int main(int argc, char **argv)
{
	/* The path that was executed, which a program cannot change as it can argv[0]. */
	const char *name = base_name((const char *)getauxval(AT_EXECFN));
	/* The interpreter of a script: the kernel gives the script as what was executed, and the interpreter as argv[0]. */
	if (argc > 2 && strcmp(argv[1], "shim") == 0 && strncmp(base_name(argv[0]), "devenv-helper", 13) == 0)
		name = base_name(argv[0]);
	if (strncmp(name, "devenv-helper", 13) != 0 && strcmp(name, "helper") != 0)
		return host_link_main(name, argc, argv);
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fputs("usage: devenv-helper COMMAND …\ncommands:", stderr);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(stderr, " %s", commands[i].name);
	fputc('\n', stderr);
	return 2;
}
