/* http_service.py as a child: one for all the tests of a program, between http_service_start() and _stop(). */
#ifndef POUCH_TESTS_HTTP_SERVICE_H
#define POUCH_TESTS_HTTP_SERVICE_H

#include <support.h>

#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    pid_t pid;
    int in; /* the service ends when this is closed */
    int port;
} http_service;

static inline int http_service_start(void **state) {
    (void)state;
    int in[2], out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    http_service.pid = fork();
    assert_true(http_service.pid >= 0);
    if (!http_service.pid) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        execlp("python3", "python3", POUCH_SOURCE_DIR "/tests/support/http_service.py", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    http_service.in = in[1];
    FILE *f = fdopen(out[0], "r");
    assert_non_null(f);
    if (fscanf(f, "%d", &http_service.port) != 1) fail_msg("the HTTP service did not start");
    fclose(f);
    return 0;
}

static inline int http_service_stop(void **state) {
    (void)state;
    close(http_service.in);
    waitpid(http_service.pid, NULL, 0);
    return 0;
}

static inline const char *http_service_url(const char *path, char out[128]) {
    snprintf(out, 128, "http://127.0.0.1:%d/%s", http_service.port, path);
    return out;
}

#endif
