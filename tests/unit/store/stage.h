/* A store in a folder of its own, for each test. */
#ifndef POUCH_TESTS_STORE_STAGE_H
#define POUCH_TESTS_STORE_STAGE_H

#include <folder.h>
#include <store/store.h>

static struct test_folder folder;
static struct pl_store *store;

static inline int setup(void **state) {
    (void)state;
    test_folder_make(&folder);
    assert_int_equal(pl_store_open(&store, folder.url), POUCH_OK);
    return 0;
}

static inline int teardown(void **state) {
    (void)state;
    pl_store_close(store);
    store = NULL;
    test_folder_remove(&folder);
    return 0;
}

#endif
