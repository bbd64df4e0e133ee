/* Where keys lie in memory: on pages that are zeroed, locked where that is allowed, and left out of core dumps. */
#include <support.h>

#include <crypto/memory.h>
#include <inttypes.h>
#include <sanitized.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

/* The kernel's flags of the mapping that p lies in, as /proc/self/smaps tells them. */
static void flags_of(const void *p, char flags[256]) {
    char line[256];
    uintptr_t from, to;
    bool here = false, found = false;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    assert_non_null(smaps);
    while (!found && fgets(line, sizeof line, smaps)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            here = from <= (uintptr_t)p && (uintptr_t)p < to;
        found = here && !strncmp(line, "VmFlags:", 8);
    }
    fclose(smaps);
    assert_true(found);
    strcpy(flags, line);
}

static void secret_pages_are_zeroed_locked_and_left_out_of_dumps(void **state) {
    (void)state;
    char flags[256], *page = pl_secret_map(4096),
                     *plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_non_null(page);
    assert_ptr_not_equal(plain, MAP_FAILED);
    flags_of(page, flags);
    assert_non_null(strstr(flags, " dd"));
#ifndef TEST_SANITIZED /* there mlock() does nothing */
    bool may_lock = !mlock(plain, 4096);
    assert_int_equal(strstr(flags, " lo") != NULL, may_lock);
#endif
    flags_of(plain, flags);
    assert_null(strstr(flags, " dd"));
    for (size_t i = 0; i < 4096; i++) assert_int_equal(page[i], 0);
    pl_secret_unmap(page, 4096);
    pl_secret_unmap(NULL, 4096);
    munmap(plain, 4096);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(secret_pages_are_zeroed_locked_and_left_out_of_dumps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
