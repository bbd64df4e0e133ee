/* SASL and TLS as CAAS's variables switch them on. */
#include <base/why.h>
#include <conf/seed.h>
#include <conf/value.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char protocol[] = "kafka.security.protocol", mechanism[] = "kafka.sasl.mechanisms",
                  username[] = "kafka.sasl.username", password[] = "kafka.sasl.password",
                  sasl_enabled[] = "KAFKA_SASL_ENABLED", ssl_enabled[] = "KAFKA_SSL_ENABLED";

const char *const pl_seed_security_variables[] = {
    "KAFKA_SASL_ENABLED",  "KAFKA_SASL_MECHANISM",   "KAFKA_SASL_PASSWORD",         "KAFKA_SASL_PASSWORD_FILE",
    "KAFKA_SASL_USERNAME", "KAFKA_SSL_CA",           "KAFKA_SSL_CERTIFICATE",       "KAFKA_SSL_ENABLED",
    "KAFKA_SSL_KEY",       "KAFKA_SSL_KEY_PASSWORD", "KAFKA_SSL_KEY_PASSWORD_FILE", NULL};

/* What a mistake in a variable is told as. */
struct wrong {
    char text[512];
};

static const char *wrong_file(struct wrong *w, const char *variable, const char *path) {
    char quoted[PL_VALUE_QUOTE_MAX];
    snprintf(w->text, sizeof w->text, "%s (environment): %s: %s; name a file that this user can read", variable,
             pl_value_quote(path, quoted), strerror(errno));
    return w->text;
}

/* Whether a switch is on; *wrong gets what it says instead, else NULL. */
static bool switched_on(const char *variable, const char **wrong, struct wrong *w) {
    static const struct pl_option like = {.kind = PL_KIND_BOOL};
    char place[PL_OPTION_ENV_MAX + 32];
    const char *text = pl_seed_known(variable);
    int64_t on = 0;
    *wrong = NULL;
    snprintf(place, sizeof place, "%s (environment)", variable);
    if (text && pl_value_check(&like, place, text, &on)) {
        snprintf(w->text, sizeof w->text, "%s", pouch_why());
        *wrong = w->text;
    }
    return on != 0;
}

static pouch_err put_plain(struct pl_entries *e, const char *name, const char *variable) {
    const char *text = pl_seed_known(variable);
    return text ? pl_seed_put(e, name, variable, text, NULL) : POUCH_OK;
}

/* A path to a file that is there, so that a mistyped one is told by its variable. */
static pouch_err put_path(struct pl_entries *e, const char *name, const char *variable) {
    struct wrong w;
    const char *path = pl_seed_known(variable);
    if (!path) return POUCH_OK;
    bool readable = !access(path, R_OK);
    return pl_seed_put(e, name, variable, path, readable ? NULL : wrong_file(&w, variable, path));
}

/* A secret from the file that FILE names, else from the variable itself. */
static pouch_err put_secret(struct pl_entries *e, const char *name, const char *variable, const char *file) {
    char secret[PL_SECRET_MAX];
    struct wrong w;
    const char *path = pl_seed_known(file);
    if (!path) return put_plain(e, name, variable);
    pouch_err bad = pl_secret_read(path, secret);
    if (bad) snprintf(w.text, sizeof w.text, "%s (environment): %.400s", file, pouch_why());
    pouch_err failed = pl_seed_put(e, name, file, secret, bad ? w.text : NULL);
    explicit_bzero(secret, sizeof secret);
    return failed;
}

/* Names of mechanisms are often written small. */
static pouch_err put_mechanism(struct pl_entries *e) {
    static const char variable[] = "KAFKA_SASL_MECHANISM";
    static const char *const known[] = {"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"};
    struct wrong w;
    char quoted[PL_VALUE_QUOTE_MAX];
    const char *text = pl_seed_known(variable);
    if (!text) return pl_seed_put(e, mechanism, sasl_enabled, known[0], NULL);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcasecmp(text, known[i])) return pl_seed_put(e, mechanism, variable, known[i], NULL);
    snprintf(w.text, sizeof w.text, "%s (environment): '%s' is not one of SCRAM-SHA-512|SCRAM-SHA-256|PLAIN", variable,
             pl_value_quote(text, quoted));
    return pl_seed_put(e, mechanism, variable, NULL, w.text);
}

static pouch_err put_sasl(struct pl_entries *e) {
    pouch_err failed = put_mechanism(e);
    if (!failed) failed = put_plain(e, username, "KAFKA_SASL_USERNAME");
    return failed ? failed : put_secret(e, password, "KAFKA_SASL_PASSWORD", "KAFKA_SASL_PASSWORD_FILE");
}

static pouch_err put_ssl(struct pl_entries *e) {
    pouch_err failed = put_path(e, "kafka.ssl.ca.location", "KAFKA_SSL_CA");
    if (!failed) failed = put_path(e, "kafka.ssl.certificate.location", "KAFKA_SSL_CERTIFICATE");
    if (!failed) failed = put_path(e, "kafka.ssl.key.location", "KAFKA_SSL_KEY");
    return failed ? failed
                  : put_secret(e, "kafka.ssl.key.password", "KAFKA_SSL_KEY_PASSWORD", "KAFKA_SSL_KEY_PASSWORD_FILE");
}

pouch_err pl_seed_security(struct pl_entries *e) {
    struct wrong w;
    const char *wrong;
    if (!pl_seed_known(sasl_enabled) && !pl_seed_known(ssl_enabled)) return POUCH_OK;
    bool ssl = switched_on(ssl_enabled, &wrong, &w);
    if (wrong) return pl_seed_put(e, protocol, ssl_enabled, NULL, wrong);
    bool sasl = switched_on(sasl_enabled, &wrong, &w);
    if (wrong) return pl_seed_put(e, protocol, sasl_enabled, NULL, wrong);
    const char *name = sasl ? (ssl ? "SASL_SSL" : "SASL_PLAINTEXT") : ssl ? "SSL" : "PLAINTEXT";
    pouch_err failed =
        pl_seed_put(e, protocol, sasl || !pl_seed_known(ssl_enabled) ? sasl_enabled : ssl_enabled, name, NULL);
    if (!failed && sasl) failed = put_sasl(e);
    return failed || !ssl ? failed : put_ssl(e);
}

pouch_err pl_seed_security_check(const struct pl_entries *e) {
    const struct pl_entry *p = pl_entries_find(e, protocol);
    if (!p || p->source != PL_FROM_SEED_ENV || p->wrong || strncmp(p->value, "SASL_", 5)) return POUCH_OK;
    const char *missing = !pl_entries_find(e, username)   ? "KAFKA_SASL_USERNAME"
                          : !pl_entries_find(e, password) ? "KAFKA_SASL_PASSWORD_FILE or KAFKA_SASL_PASSWORD"
                                                          : NULL;
    if (!missing) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "%s (environment): 'true' wants to know who we are: set %s, or %s to false",
                   sasl_enabled, missing, sasl_enabled);
}

const char *pl_seed_password_file(const struct pl_entries *e) {
    const struct pl_entry *entry = pl_entries_find(e, password);
    bool from_file = entry && !strcmp(entry->origin, "environment KAFKA_SASL_PASSWORD_FILE");
    return from_file ? pl_seed_known("KAFKA_SASL_PASSWORD_FILE") : NULL;
}
