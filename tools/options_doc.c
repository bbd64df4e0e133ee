/* Writes docs/configuration.md from the table of options; run by scripts/gen-docs. */
#include "settings_text.h"

#include <conf/settings.h>
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
    printf(" | ");
    cell(pl_option_allowed(row, allowed));
    printf(" | %s%s%s | ", row->fallback ? "`" : "", row->fallback ? row->fallback : "unset", row->fallback ? "`" : "");
    cell(row->text);
    printf(" |\n");
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
    return fflush(stdout) || ferror(stdout);
}
