/* Writes docs/configuration.md from the table of options; run by scripts/gen-docs. */
#include "settings_text.h"

#include <conf/seed.h>
#include <stdio.h>
#include <string.h>

/* A bar would end the column. */
static void cell(const char *text) {
    for (; *text; text++) {
        if (*text == '|' || *text == '<' || *text == '*') putchar('\\');
        putchar(*text);
    }
}

static void row_write(const struct pl_option *row) {
    char allowed[PL_OPTION_ALLOWED_MAX], own[PL_OPTION_ENV_MAX];
    printf("| `%s` | ", row->name);
    if (row->letter) printf("`-%c`, ", row->letter);
    if (row->flag) printf("`%s`", row->flag);
    printf(" | `%s`", pl_option_env(row, own));
    if (row->seed_env) printf(", `%s`", row->seed_env);
    for (const struct pl_seed *seed = pl_seeds; seed->variable; seed++)
        if (!strcmp(seed->name, row->name)) printf(", `%s`", seed->variable);
    printf(" | ");
    cell(pl_option_allowed(row, allowed));
    printf(" | %s%s%s | ", row->fallback ? "`" : "", row->fallback ? row->fallback : "unset", row->fallback ? "`" : "");
    cell(row->text);
    printf(" |\n");
}

static void seed_write(const struct pl_seed *seed) {
    static const char *const notes[] = {[PL_SEED_PLAIN] = "",
                                        [PL_SEED_DAYS] = "in days",
                                        [PL_SEED_ONE_MORE] = "tries after the first",
                                        [PL_SEED_ACKS] =
                                            "`all` or `-1`, which holds anyway; anything else stops the start",
                                        [PL_SEED_DOUBLING] = "`2`, which holds anyway; anything else stops the start",
                                        [PL_SEED_PORT] = "a port, of every address"};
    char allowed[PL_OPTION_ALLOWED_MAX];
    bool property = !strncmp(seed->name, "kafka.", 6);
    printf("| `%s` | `%s`", seed->variable, seed->name);
    if (seed->compat) printf(", with `compat: %s`", seed->compat);
    printf(" | %s", notes[seed->form]);
    if (property && !*notes[seed->form]) cell(pl_option_allowed(&seed->like, allowed));
    printf(" |\n");
}

static void seeds_write(void) {
    printf("\n## Variables of CAAS's services\n\n%s\n"
           "| variable | is | |\n"
           "| --- | --- | --- |\n",
           settings_seeds);
    for (const struct pl_seed *seed = pl_seeds; seed->variable; seed++) seed_write(seed);
    for (const struct settings_kind *nothing = settings_no_seeds; nothing->type; nothing++)
        printf("| `%s` | nothing here | %s |\n", nothing->type, nothing->written);
    printf("\n## SASL and TLS\n\n%s\n"
           "| variable | |\n"
           "| --- | --- |\n",
           settings_security);
    for (const struct settings_kind *row = settings_security_variables; row->type; row++)
        printf("| `%s` | %s |\n", row->type, row->written);
}

static void how_to_give(void) {
    printf("# Configuration\n"
           "\n"
           "<!-- Made by scripts/gen-docs from lib/conf/table.c and tools/options_doc.c. -->\n"
           "\n"
           "%s\n",
           settings_before);
    for (int i = 0; settings_places[i]; i++)
        printf("%d. %s%s\n", i + 1, settings_places[i], settings_places[i + 1] ? ";" : ".");
    printf("\n%s\n"
           "## The file\n\n%s\n"
           "```yaml\n%s```\n"
           "\n%s\n"
           "## The key\n\n%s\n",
           settings_after, settings_file, settings_file_example, settings_kafka, settings_key);
}

int main(void) {
    how_to_give();
    printf("## How values are written\n\n| type | written |\n| --- | --- |\n");
    for (const struct settings_kind *kind = settings_kinds; kind->type; kind++)
        printf("| %s | %s |\n", kind->type, kind->written);
    printf("\n## Options\n\n"
           "| option | command line | environment | value | default | what it does |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
    for (const struct pl_option *row = pl_options; row->name; row++) row_write(row);
    seeds_write();
    return fflush(stdout) || ferror(stdout);
}
