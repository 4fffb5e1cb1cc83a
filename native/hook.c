/*
 * What the shell's hook (packages/shell/src/hooks) asks when the folder has changed.
 *
 *   hook view|shims FALLBACK…    FALLBACK… is the client, to start a daemon with
 *
 * Prints three fields, each ended by a line end but the last, which may hold line ends itself:
 *   verdict   none            no project here
 *             gone            the folder does not exist any more
 *             enter           allowed, and everything is as it was when the environment was made
 *             cold            may be allowed, and has to be made
 *             unlocked        may be allowed, and has no env.lock, which only commands write
 *             held:HINT       not allowed; HINT stands for what the project's files say
 *             denied          taken back by `devenv revoke`
 *   texts     the folder of texts for shells with shims (enter.SHELL)
 *   project   its folder
 *
 * Nothing of the project is evaluated or run here: its stamp and consent are in the state folder, and its own files are
 * only hashed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "consent.h"
#include "daemon.h"
#include "launch.h"

/* Whether shims of this very content are in place. */
static int has_shims(const char *state, const char *hash, const struct stamp *stamp)
{
	struct stamp outside;
	if (stamp_read(join(state, "/stamps/", hash, "-outside.stamp", NULL), &outside) != NULL)
		return 0;
	return outside.project != NULL && strcmp(outside.project, stamp->project) == 0 && outside.allowed_content != NULL &&
	       strcmp(outside.allowed_content, stamp->allowed_content) == 0 && outside.view.root != NULL &&
	       access(outside.view.root, F_OK) == 0;
}

static int is_ready(const char *project, const char *state, const char *hash, int shims, struct stamp *stamp)
{
	char *path = stamp_path(project, 0);
	if (path == NULL || stamp_read(path, stamp) != NULL)
		return 0;
	if (!stamp->lasting || stamp->project == NULL || strcmp(stamp->project, project) != 0 ||
	    stamp->allowed_content == NULL || !stamp_holds(stamp, NULL))
		return 0;
	return !shims || has_shims(state, hash, stamp);
}

static const char *verdict_on(const char *project, const char *state, const char *hash, int shims, struct stamp *stamp)
{
	int ready = is_ready(project, state, hash, shims, stamp);
	enum consent consent = ready ? consent_of(project, stamp->allowed_content) : consent_of_folder(project);
	if (consent == CONSENT_DENIED)
		return "denied";
	if (ready && consent == CONSENT_GIVEN)
		return "enter";
	char *hint = content_hint(project);
	if (consent != CONSENT_GIVEN && !is_hinted(hint))
		return join("held:", hint, NULL);
	if (access(join(project, "/env.lock", NULL), F_OK) < 0)
		return "unlocked";
	/* Where the content is known and not allowed, evaluating it again would find the same. */
	return ready ? join("held:", hint, NULL) : "cold";
}

/* Where the hook's shells leave word of the folder to go on in; made here, since a shell would need a process for it. */
static void make_handoff_folder(void)
{
	char *runtime = runtime_folder();
	if (runtime == NULL)
		return;
	mkdir(runtime, 0700);
	mkdir(join(runtime, "/hook", NULL), 0700);
}

int hook_main(int argc, char **argv)
{
	if (argc < 3 || (strcmp(argv[1], "view") != 0 && strcmp(argv[1], "shims") != 0))
		stop(STATUS_FAILED, "usage: hook view|shims FALLBACK…");
	int shims = strcmp(argv[1], "shims") == 0;
	char *folder = getcwd(NULL, 0);
	char *project = folder == NULL ? NULL : find_project();
	char *state = state_folder();
	if (project == NULL || state == NULL) {
		printf("%s\n\n", folder == NULL || folder[0] != '/' ? "gone" : "none");
		return 0;
	}
	struct stamp stamp;
	memset(&stamp, 0, sizeof stamp);
	char *hash = project_hash(project);
	const char *verdict = verdict_on(project, state, hash, shims, &stamp);
	if (strcmp(verdict, "enter") == 0 || strcmp(verdict, "cold") == 0)
		make_handoff_folder();
	if (shims && strcmp(verdict, "enter") == 0 && stamp.live != NULL)
		daemon_rouse(stamp.live, argv + 2, argc - 2);
	printf("%s\n%s/activations/%s-outside\n%s", verdict, state, hash, project);
	return 0;
}
