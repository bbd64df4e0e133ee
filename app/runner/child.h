/*
 * A command run by /bin/sh in a process group of its own, with pipes to it. It gets no file of
 * ours but these, default signals, and the environment that it is given.
 */
#ifndef POUCH_RUNNER_CHILD_H
#define POUCH_RUNNER_CHILD_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct runner_child {
    pid_t pid;
    int exited; /* readable once the shell has ended */
    int in;     /* its standard input, which we write; -1 = closed. All of these are non-blocking */
    int out;    /* its standard output */
    int err;    /* its standard error; -1 = it shares ours */
};

/* OVERLOADED: no process or file can be had, the cause in pouch_why(). */
POUCH_MUST_CHECK pouch_err runner_child_start(struct runner_child *c, const char *command, char *const env[],
                                              bool take_err);

void runner_child_close(int *fd);                                   /* one of its ends; nothing when it is closed */
void runner_child_signal(const struct runner_child *c, int number); /* to the whole group */

/* Kills what is left of the group, reaps, closes everything; the status as of waitpid(). */
int runner_child_end(struct runner_child *c);

/* "ended with status 127 (command not found)", "was killed by signal 9 (Killed)"; gives out. */
enum { RUNNER_STATUS_MAX = 96 };
const char *runner_status_text(char out[RUNNER_STATUS_MAX], int status);

/*
 * env without whatever may hold or name a key or password of ours, with n more variables in
 * front. Borrows the strings; free() the result. NULL: out of memory.
 */
char **runner_env_clean(char *const env[], char *const more[], size_t n);

#endif
