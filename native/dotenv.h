/*
 * Files of variables (`dotenv` of env.yaml), read when a program is started and at no other time: what they hold may be
 * secret. The rules stand in packages/shell/src/dotenv.ts, which reads them the same way.
 */
#ifndef DEVENV_DOTENV_H
#define DEVENV_DOTENV_H

#include "text.h"

/* Adds names and values, in turns. A file that is not there, or that cannot be read, has none; lines that are no variable are
 * passed over: the daemon has said so. */
void dotenv_read(const char *path, struct strings *variables);

#endif
