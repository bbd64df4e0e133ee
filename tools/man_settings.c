/* pouch.yaml(5): the settings. */
#include "man.h"
#include "roff.h"
#include "settings_text.h"

#include <conf/settings.h>

static void setting(FILE *out, const struct pl_option *o) {
    char allowed[PL_OPTION_ALLOWED_MAX], own[PL_OPTION_ENV_MAX];
    fputs(".TP\n", out);
    roff_bold(out, o->name);
    fputc('\n', out);
    roff_text(out, o->text);
    fputs(".\nValue: ", out);
    roff_text(out, pl_option_allowed(o, allowed));
    fputs("; default: ", out);
    roff_text(out, o->fallback ? o->fallback : "unset");
    fputs(".\nAlso ", out);
    if (o->flag) {
        roff_bold(out, o->flag);
        fputs(", ", out);
    }
    roff_bold(out, pl_option_env(o, own));
    if (o->seed_env) {
        fputs(", ", out);
        roff_bold(out, o->seed_env);
    }
    fputs(".\n", out);
}

void man_settings(FILE *out) {
    roff_title(out, "POUCH.YAML", "5", "pouch.yaml", "settings of pouch and of programs that use libpouch");
    roff_section(out, "DESCRIPTION");
    roff_paragraphs(out, settings_before);
    for (int i = 0; settings_places[i]; i++) {
        fprintf(out, ".IP %d. 4\n", i + 1);
        roff_paragraphs(out, settings_places[i]);
    }
    fputs(".PP\n", out);
    roff_paragraphs(out, settings_after);
    roff_section(out, "THE FILE");
    roff_paragraphs(out, settings_file);
    fputs(".PP\n", out);
    roff_example(out, settings_file_example);
    fputs(".PP\n", out);
    roff_paragraphs(out, settings_kafka);
    roff_section(out, "THE KEY");
    roff_paragraphs(out, settings_key);
    roff_section(out, "VALUES");
    for (const struct settings_kind *kind = settings_kinds; kind->type; kind++) {
        fputs(".TP\n", out);
        roff_bold(out, kind->type);
        fputc('\n', out);
        roff_paragraphs(out, kind->written);
    }
    roff_section(out, "SETTINGS");
    for (const struct pl_option *o = pl_options; o->name; o++) setting(out, o);
    roff_section(out, "SEE ALSO");
    roff_bold(out, "pouch");
    fputs("(1),\n", out);
    roff_bold(out, "pouch-config-show");
    fputs("(1)\n", out);
}
