/* A settings file from its bytes to typed settings; what was taken must read back. */
#include <conf/entries.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    pouch_options *o = pouch_options_new();
    if (!o) abort();
    if (!pl_options_parse(o, "dir/pouch.yaml", (const char *)data, n)) {
        struct pl_settings s;
        if (pl_settings_read(&s, o)) abort();
        pl_settings_free(&s);
        const char *name, *value;
        for (size_t i = 0; pl_option_kafka(o, i, &name, &value); i++)
            if (!pl_option_origin(o, name)) abort();
    }
    pouch_options_free(o);
    return 0;
}
