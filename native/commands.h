/* The helper's subcommands. Each gets its own name as argv[0] and returns the exit status. */

#ifndef DEVENV_COMMANDS_H
#define DEVENV_COMMANDS_H

int builds_main(int argc, char **argv);
int merge_upper_main(int argc, char **argv);
int view_main(int argc, char **argv);
int probe_main(int argc, char **argv);
int launch_main(int argc, char **argv);
int enter_main(int argc, char **argv);
int host_main(int argc, char **argv);
int hook_main(int argc, char **argv);
int shim_main(int argc, char **argv);
int swap_main(int argc, char **argv);

#endif
