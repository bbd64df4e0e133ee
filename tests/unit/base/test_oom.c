/* Every allocation of the room fails in turn: the error says so, what was there stays, nothing leaks. */
#include <support.h>

#include <oom.h>

#include <base/buf.h>
#include <base/heap.h>
#include <base/idmap.h>
#include <base/queue.h>

static bool fill_buffer(void) {
    struct pl_buf b;
    pl_buf_init(&b, 10000);
    pouch_err e = POUCH_OK;
    size_t len = 0;
    while (!e && len < 1000) {
        e = pl_buf_puts(&b, "0123456789");
        if (!e) len += 10;
    }
    if (e) {
        assert_int_equal(e, POUCH_E_NO_MEMORY);
        assert_non_null(strstr(pouch_why(), "memory"));
    }
    assert_int_equal(b.len, len);
    if (len) assert_int_equal(strlen(b.at), len);
    pl_buf_free(&b);
    return !e;
}

static bool take_from_an_empty_buffer(void) {
    struct pl_buf b;
    size_t n = 7;
    pl_buf_init(&b, 10);
    char *text = pl_buf_take(&b, &n);
    assert_int_equal(n, 0);
    free(text);
    return text != NULL;
}

static bool fill_map(void) {
    struct pl_idmap m;
    struct pl_uuid id = {0};
    pouch_err e = pl_idmap_init(&m, 1000);
    for (uint8_t i = 0; !e && i < 200; i++) {
        id.b[0] = i;
        e = pl_idmap_put(&m, &id, &m);
        if (!e) continue;
        assert_null(pl_idmap_get(&m, &id));
        assert_int_equal(m.count, i);
        for (id.b[0] = 0; id.b[0] < i; id.b[0]++) assert_ptr_equal(pl_idmap_get(&m, &id), &m);
    }
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    pl_idmap_free(&m);
    return !e;
}

static bool fill_heap(void) {
    static struct pl_heap_node nodes[200];
    struct pl_heap h;
    pl_heap_init(&h);
    memset(nodes, 0, sizeof nodes);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < 200; i++) {
        e = pl_heap_add(&h, &nodes[i], -(int64_t)i);
        if (!e) continue;
        assert_int_equal(e, POUCH_E_NO_MEMORY);
        assert_int_equal(nodes[i].place, 0);
        assert_ptr_equal(pl_heap_first(&h), i ? &nodes[i - 1] : NULL);
    }
    pl_heap_free(&h);
    return !e;
}

static bool make_queue(void) {
    struct pl_queue *q = NULL;
    pouch_err e = pl_queue_new(&q, 100);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    pl_queue_free(q);
    return !e;
}

static void running_out_of_memory_breaks_nothing(void **state) {
    (void)state;
    static bool (*const steps[])(void) = {fill_buffer, take_from_an_empty_buffer, fill_map, fill_heap, make_queue};
    if (!test_oom_works()) skip();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) assert_true(test_oom_each(steps[i]) >= 1);
}

static void a_queue_larger_than_memory_is_refused(void **state) {
    (void)state;
    struct pl_queue *q;
    assert_int_equal(pl_queue_new(&q, SIZE_MAX), POUCH_E_NO_MEMORY);
    assert_int_equal(pl_queue_new(&q, SIZE_MAX / sizeof(void *)), POUCH_E_NO_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_breaks_nothing),
        cmocka_unit_test(a_queue_larger_than_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
