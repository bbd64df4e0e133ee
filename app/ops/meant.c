/* What may have been meant by a command or a flag that there is none of. */
#include <base/nearest.h>
#include <conf/settings.h>
#include <ops/common.h>
#include <stdio.h>
#include <string.h>

static const char *say(char out[OPS_MEANT], const struct pl_nearest *meant) {
    out[0] = '\0';
    if (meant->name) snprintf(out, OPS_MEANT, " (did you mean %.*s?)", (int)meant->name_n, meant->name);
    return out;
}

static void offer_flags(struct pl_nearest *meant, const struct ops_flag *flags) {
    for (const struct ops_flag *f = flags; f && f->name; f++) pl_nearest_offer(meant, f->name, strlen(f->name));
}

const char *ops_meant_flag(char out[OPS_MEANT], const struct ops_command *command, const char *word, size_t n) {
    struct pl_nearest meant;
    pl_nearest_begin(&meant, word, n, n / 3);
    offer_flags(&meant, command->flags);
    offer_flags(&meant, ops_common_flags(command));
    for (const struct pl_option *o = pl_options; o->name; o++)
        if (o->flag && ops_takes_setting(command, o->name)) pl_nearest_offer(&meant, o->flag, strlen(o->flag));
    return say(out, &meant);
}

const char *ops_meant_command(char out[OPS_MEANT], const struct ops_command *const commands[], const char *word,
                              const char *second) {
    struct pl_nearest meant;
    size_t family = strlen(word), n = second ? strlen(second) : family;
    pl_nearest_begin(&meant, second ? second : word, n, n / 3);
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (!second)
            pl_nearest_offer(&meant, name, first);
        else if (space && first == family && !strncmp(name, word, family))
            pl_nearest_offer(&meant, space + 1, strlen(space + 1));
    }
    if (second && meant.name) { /* told with its family, which stands in front of it */
        meant.name -= family + 1;
        meant.name_n += family + 1;
    }
    return say(out, &meant);
}
