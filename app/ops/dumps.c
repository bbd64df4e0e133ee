#include <ops/dumps.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * The limit alone would not do: the kernel ignores it where core_pattern names a program. What is not dumpable is never
 * dumped, but that ends with the next exec, and handlers hold payloads too.
 */
bool ops_forbid_dumps(void) {
    const struct rlimit none = {0, 0};
    return !setrlimit(RLIMIT_CORE, &none) && !prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
