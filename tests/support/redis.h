/* A redis-server of the test's own, on a socket of this host, and a plain client. Include after support.h. */
#ifndef POUCH_TESTS_REDIS_H
#define POUCH_TESTS_REDIS_H

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <share/share.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis {
    pid_t pid;
    int port;
    char url[64];
    const char *password; /* NULL: none */
};

/*
 * Whether a socket of this kind could be bound to the port; *held, unless NULL, keeps it bound as long as this process
 * lives.
 */
static inline bool redis_can_bind(int kind, int port, int *held) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    bool is_free = !bind(fd, (struct sockaddr *)&at, sizeof at);
    if (held && is_free)
        *held = fd;
    else
        close(fd);
    return is_free;
}

/*
 * Below the ports that the kernel gives to connections: those of a server that is away it also gives to whoever looks
 * for the server, who then finds himself. A test that has chosen one holds the UDP port of that number, so that
 * another, ports.py as well, does not take it before the server has it or while the server is away.
 */
static inline int redis_free_port(void) {
    static int next;
    if (!next) next = getpid() % 1000 * 10;
    for (int i = 0; i < 10000; i++) {
        int port = 10000 + next++ % 10000, held;
        if (!redis_can_bind(SOCK_DGRAM, port, &held)) continue;
        if (redis_can_bind(SOCK_STREAM, port, NULL)) return port;
        close(held);
    }
    fail_msg("no port from 10000 to 19999 is free");
    return 0;
}

/* It ends with the test. */
static inline void redis_spawn(struct redis *r) {
    char port[12];
    snprintf(port, sizeof port, "%d", r->port);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen("/dev/null", "w", stdout)) _exit(1);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
           r->password ? "--requirepass" : NULL, r->password, NULL);
    _exit(1);
}

static inline redisContext *redis_client(const struct redis *r) {
    redisContext *c = redisConnect("127.0.0.1", r->port);
    void *reply = c && !c->err && r->password ? redisCommand(c, "AUTH %s", r->password) : NULL;
    if (reply) freeReplyObject(reply);
    if (c && !c->err) return c;
    if (c) redisFree(c);
    return NULL;
}

/* One command, its words apart by blanks; its text, or its number, to be freed; NULL: nil, or something else. */
static inline char *redis_say(const struct redis *r, const char *command) {
    char *text = NULL, words[512], *rest = words;
    const char *argv[16];
    int argc = 0;
    redisContext *c = redis_client(r);
    if (!c) return NULL;
    snprintf(words, sizeof words, "%s", command);
    while (argc < 16 && (argv[argc] = strsep(&rest, " "))) argc++;
    redisReply *reply = redisCommandArgv(c, argc, argv, NULL);
    if (reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)) text = strdup(reply->str);
    if (reply && reply->type == REDIS_REPLY_INTEGER && asprintf(&text, "%lld", reply->integer) < 0) text = NULL;
    if (reply) freeReplyObject(reply);
    redisFree(c);
    return text;
}

static inline bool redis_is(const struct redis *r, const char *expected, const char *command) {
    char *said = redis_say(r, command);
    bool same = said ? expected && !strcmp(said, expected) : !expected;
    free(said);
    return same;
}

/* Calls step until it says true; fails the test after a minute. */
static inline void wait_for_at(bool (*step)(void *), void *arg, const char *what, const char *file, int line) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + 60000000;
    while (!step(arg)) {
        if (pl_mono_us(&pl_clock_system) > give_up) {
            print_error("%s did not come true within a minute\n", what);
            _fail(file, line);
        }
        poll(NULL, 0, 2);
    }
}
#define wait_for(step, arg) wait_for_at((step), (arg), #step, __FILE__, __LINE__)

/* It answers, and not somebody else's; or it has ended, as the port was taken meanwhile: then there is no pid. */
static inline bool redis_has_begun(void *arg) {
    struct redis *r = arg;
    char own[32], *info = redis_say(r, "INFO server");
    snprintf(own, sizeof own, "process_id:%d\r", (int)r->pid);
    bool answers = info && strstr(info, own);
    free(info);
    if (!answers && waitpid(r->pid, NULL, WNOHANG) == r->pid) r->pid = 0;
    return answers || !r->pid;
}

static inline void redis_start(struct redis *r, const char *password) {
    *r = (struct redis){.password = password};
    while (!r->pid) {
        r->port = redis_free_port();
        redis_spawn(r);
        wait_for(redis_has_begun, r);
    }
    snprintf(r->url, sizeof r->url, "redis://%s%s%s127.0.0.1:%d", password ? ":" : "", password ? password : "",
             password ? "@" : "", r->port);
}

static inline void redis_kill(struct redis *r) {
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
}

static inline bool share_is_up(void *arg) {
    struct share_state state;
    share_look(arg, &state);
    return state.up;
}

static inline bool share_is_away(void *arg) {
    struct share_state state;
    share_look(arg, &state);
    return !state.up && strcmp(state.why, "connecting");
}

#endif
