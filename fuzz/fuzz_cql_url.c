/* URLs of clusters: any text is settings within their bounds, or refused with a reason. */
#include <cql/config.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (memmem(data, n, "password_file", 13)) return 0; /* no files here */
    char *url = strndup((const char *)data, n);
    struct pl_cql_config c;
    if (!url) abort();
    if (!pl_cql_config_parse(&c, url)) {
        if (!c.n_contacts || c.in_flight < 1 || c.in_flight > 32767 || c.request_us <= 0) abort();
        for (size_t i = 0; i < c.n_contacts; i++)
            if (!*c.contacts[i].host || !c.contacts[i].port) abort();
        pl_cql_config_free(&c);
    }
    free(url);
    return 0;
}
