/*
 * What the user decided of a project, as packages/shell/src/trust.ts writes it below the state folder: trust/folders/HASH.json
 * (of a folder), trust/contents/DIGEST (of a content: there, or not) and trust/hints/HINT (what a project's own files said
 * when a content of it was allowed).
 */
#ifndef DEVENV_CONSENT_H
#define DEVENV_CONSENT_H

enum consent {
	CONSENT_NONE,
	CONSENT_GIVEN,
	CONSENT_DENIED,
};

/* Whether a content may be entered without being asked for; `allowed_content` (may be NULL) is the file that says so. */
enum consent consent_of(const char *project, const char *allowed_content);

/* The same where no content is known yet: given for folders that are always allowed. */
enum consent consent_of_folder(const char *project);

/* 16 hex digits for what a project's own files say now, as contentHint of trust.ts. */
char *content_hint(const char *project);

/* Whether a content with that hint was allowed, so that an evaluation may find this one to be allowed. */
int is_hinted(const char *hint);

#endif
