/* Writes docs/configuration.md from the table of options; run by scripts/gen-docs. */
#include <conf/settings.h>
#include <stdio.h>
#include <string.h>

static const char before[] =
    "# Configuration\n"
    "\n"
    "<!-- Made by scripts/gen-docs from lib/conf/table.c and tools/options_doc.c. -->\n"
    "\n"
    "An option has one name. It can be given in four places; the first that gives it wins:\n"
    "\n"
    "1. the command line, or `pouch_options_set()` in a program;\n"
    "2. the environment variable `POUCH_` and the name in upper case, with `_` for each dot;\n"
    "3. for a few options the variable that services on Kafka commonly share;\n"
    "4. the file named by `--config` or `POUCH_CONFIG`.\n"
    "\n"
    "An empty variable counts as absent. `pouch config show` prints each value in force and where it\n"
    "came from.\n"
    "\n"
    "## The file\n"
    "\n"
    "YAML; nested maps and dotted names mean the same. A key that is no option, a key given twice, or\n"
    "a value out of bounds is an error that names file, line and key. Anchors, aliases and tags are not\n"
    "taken. A file has at most 1 MiB.\n"
    "\n"
    "```yaml\n"
    "brokers: [kafka-1:9092, kafka-2:9092]\n"
    "client.id: billing\n"
    "key.file: keys/ring          # relative to the folder of this file\n"
    "worker:\n"
    "  concurrency: 16\n"
    "  max_in_flight_bytes: 64MiB\n"
    "kafka:                       # any property of librdkafka\n"
    "  security.protocol: SASL_SSL\n"
    "  sasl: {mechanism: SCRAM-SHA-512, username: billing, password: \"...\"}\n"
    "```\n"
    "\n"
    "Properties under `kafka` go to librdkafka as they are; on the command line they are\n"
    "`-X name=value`, in a program `pouch_options_set(o, \"kafka.name\", value)`. They have no variables.\n"
    "The values of passwords, secrets and private keys are never shown.\n"
    "\n"
    "## The key\n"
    "\n"
    "`key.file` names the key ring. Without it the one key comes from the variable `ENCRYPTION_KEY`, 64\n"
    "hexadecimal characters, which is no option: a key is in no settings file and on no command line.\n"
    "\n"
    "## How values are written\n"
    "\n"
    "| type | written |\n"
    "| --- | --- |\n"
    "| text | without control characters; in the file also a list, which is joined by commas |\n"
    "| name | letters, digits, dot, underscore and dash |\n"
    "| path | relative to the file that gives it, elsewhere to the working folder |\n"
    "| switch | `on` or `off`; `true`, `yes`, `1` and `false`, `no`, `0` as well, in upper or lower case |\n"
    "| count | digits |\n"
    "| size | digits and `B`, `KiB`, `MiB` or `GiB`; digits alone are bytes |\n"
    "| duration | digits and `ms`, `s`, `m`, `h` or `d`; digits alone are milliseconds |\n"
    "\n"
    "## Options\n"
    "\n"
    "| option | command line | environment | value | default | what it does |\n"
    "| --- | --- | --- | --- | --- | --- |\n";

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

int main(void) {
    fputs(before, stdout);
    for (const struct pl_option *row = pl_options; row->name; row++) row_write(row);
    return fflush(stdout) || ferror(stdout);
}
