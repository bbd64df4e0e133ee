#include <cql/value.h>
#include <string.h>

struct pl_cql_value pl_cql_text(const char *text) {
    return text ? pl_cql_bytes(text, strlen(text)) : pl_cql_unset();
}
