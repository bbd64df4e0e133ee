/* Writes docs/metrics.md from the list of metrics; run by scripts/gen-docs. */
#include <metrics/list.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct metric {
    const char *name, *type, *labels, *help;
} metrics[] = {
#define ROW(id, type, name, labels, help) {name, #type, labels, help},
    PL_METRICS(ROW)
#undef ROW
#define ROW(id, name, help) {name, "histogram", "", help},
        PL_TIMINGS(ROW)
#undef ROW
#define ROW(what, type, name, help) {name, #type, "kid,key", help},
            PL_KEY_METRICS(ROW)
#undef ROW
#define ROW(what, type, name, help) {name, #type, "topic,partition", help},
                PL_MEMBER_METRICS(ROW)
#undef ROW
#define ROW(what, type, name, help) {name, #type, "", help},
                    PL_CLUSTER_METRICS(ROW)
#undef ROW
#define ROW(what, type, name, help) {name, #type, "broker", help},
                        PL_BROKER_METRICS(ROW)
#undef ROW
#define ROW(what, type, name, help) {name, #type, "group,topic", help},
                            PL_GROUP_METRICS(ROW)
#undef ROW
};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

static int of_one_name(size_t a, size_t b) {
    return b < METRICS && !strcmp(metrics[a].name, metrics[b].name);
}

int main(void) {
    printf(
        "# Metrics\n"
        "\n"
        "<!-- Made by scripts/gen-docs from lib/metrics/list.h. -->\n"
        "\n"
        "What `/metrics` shows ([operations](operations.md)), and `pouch_metrics_text()` to a program of your own. A\n"
        "process shows all of them; those of a role that it does not have stay 0.\n"
        "\n"
        "| metric | type | labels | what it counts |\n"
        "| --- | --- | --- | --- |\n");
    for (size_t first = 0, next; first < METRICS; first = next) {
        printf("| `%s` | %s | ", metrics[first].name, metrics[first].type);
        next = first;
        do {
            if (*metrics[next].labels) printf("%s`%s`", next > first ? ", " : "", metrics[next].labels);
        } while (of_one_name(first, ++next));
        printf(" | %s |\n", metrics[first].help);
    }
    return fflush(stdout) || ferror(stdout);
}
