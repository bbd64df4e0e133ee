/*
 * cql_hello URL SECONDS
 *
 * Connects within that time and prints the server's version; else the reason, with the exit code of its error.
 */
#include <cql/cql.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

static pouch_err greet(struct pl_cql *s, int64_t wait_us) {
    struct pl_cql_cursor *c;
    const struct pl_cql_rows *row;
    const struct pl_cql_how how = {.timeout_us = 60000000};
    pouch_err e = pl_cql_ready(s, wait_us);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); /* as other work of this thread may leave one behind */
    if (!e) e = pl_cql_select_text(s, &c, "SELECT release_version FROM system.local WHERE key = 'local'", &how);
    if (e) return e;
    e = pl_cql_cursor_next(c, &row);
    if (!e && row) {
        size_t n;
        const char *version = pl_cql_cell_text(row, 0, &n);
        printf("%.*s\n", (int)n, version);
    }
    pl_cql_cursor_close(c);
    return e;
}

int main(int argc, char **argv) {
    struct pl_cql_config config;
    struct pl_cql *s = NULL;
    pouch_err e = argc == 3 ? pl_cql_config_parse(&config, argv[1]) : POUCH_E_CONFIG;
    if (!e) {
        e = pl_cql_config_check(&config);
        if (!e) e = pl_cql_open(&s, &config, NULL);
        if (!e) e = greet(s, strtol(argv[2], NULL, 10) * 1000000);
        pl_cql_config_free(&config);
    }
    if (e) fprintf(stderr, "cql_hello: %s\n", pouch_why());
    pl_cql_close(s);
    return pouch_err_exit_code(e);
}
