#include <conf/entries.h>

void pouch_options_set_validator(pouch_options *o, pouch_validate_fn *fn, void *arg) {
    o->validate = fn;
    o->validate_arg = arg;
}
