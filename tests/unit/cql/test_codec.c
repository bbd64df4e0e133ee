/* Frames and answers: the bytes as the protocol has them, and what becomes of bytes that are not. */
#include <support.h>

#include <base/why.h>
#include <cql/answer.h>
#include <cql/errors.h>
#include <cql/frame.h>
#include <stdlib.h>

/* ---- the partitioner ---- */

static void tokens_are_those_of_cassandra(void **state) {
    (void)state;
    char many[50];
    for (size_t i = 0; i < sizeof many; i++) many[i] = "\x00\xff\x10\xfa\x99"[i % 5];
    const struct {
        const char *key;
        size_t n;
        int64_t token;
    } known[] = {
        {"123", 3, -7468325962851647638},
        {many, sizeof many, 5837342703291459765},
        {"\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe", 8, -8927430733708461935},
        {"\x10\x10\x10\x10\x10\x10\x10\x10", 8, 1446172840243228796},
        {"9223372036854775807", 19, 7162290910810015547},
        {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(pl_cql_token(known[i].key, known[i].n) == known[i].token);
}

/* ---- requests ---- */

static struct pl_cql_marker markers[] = {{"k", PL_CQL_VARCHAR, 0},          {"i", PL_CQL_INT, 0},
                                         {"n", PL_CQL_BIGINT, 0},           {"yes", PL_CQL_BOOLEAN, 0},
                                         {"real", PL_CQL_DOUBLE, 0},        {"id", PL_CQL_TIMEUUID, 0},
                                         {"l", PL_CQL_LIST, PL_CQL_VARCHAR}};
static struct pl_cql_statement statement = {
    .text = "S", .id = "ID", .id_n = 2, .n_markers = 7, .markers = markers, .n_key = 1, .key = {0}};

static void assert_frame(const struct pl_buf *b, const char *bytes, size_t n) {
    assert_int_equal(b->len, n);
    assert_memory_equal(b->at, bytes, n);
}

static void an_execute_has_its_values_and_parameters_in_order(void **state) {
    (void)state;
    static const char expected[] = "\x04\0\0\0\x0a\0\0\0\x4d" /* EXECUTE, 77 bytes */
                                   "\0\2ID\0\x06\x31"         /* id, LOCAL_QUORUM, values + serial + timestamp */
                                   "\0\7\0\0\0\1a\0\0\0\4\xff\xff\xff\xfe\0\0\0\x08\0\0\0\0\0\0\1\0"
                                   "\0\0\0\1\1\xff\xff\xff\xff\0\0\0\x10"
                                   "0123456789abcdef\xff\xff\xff\xfe"
                                   "\0\x09\0\0\0\0\0\0\x04\xd2";
    struct pl_uuid id;
    memcpy(id.b, "0123456789abcdef", 16);
    const struct pl_cql_value values[] = {pl_cql_text("a"),     pl_cql_number(-2), pl_cql_number(256),
                                          pl_cql_boolean(true), pl_cql_null(),     pl_cql_uuid(&id)};
    const struct pl_cql_bound bound = {&statement, values, 6};
    const struct pl_cql_parameters p = {.consistency = PL_CQL_LOCAL_QUORUM, .timestamp_us = 1234};
    struct pl_buf b;
    pl_buf_init(&b, 1000);
    assert_int_equal(pl_cql_frame_execute(&b, &bound, &p), POUCH_OK);
    assert_frame(&b, expected, sizeof expected - 1);
    pl_cql_frame_set_stream(b.at, 0x1234);
    assert_memory_equal(b.at + 2, "\x12\x34", 2);
    pl_buf_free(&b);
}

static void a_log_in_is_sasl_plain(void **state) {
    (void)state;
    static const char expected[] = "\x04\0\0\0\x0f\0\0\0\x0e\0\0\0\x0a\0user\0word";
    struct pl_buf b;
    pl_buf_init(&b, 1000);
    assert_int_equal(pl_cql_frame_plain(&b, "user", "word"), POUCH_OK);
    assert_frame(&b, expected, sizeof expected - 1);
    pl_buf_wipe(&b);
}

static void a_value_goes_only_into_a_column_of_its_kind(void **state) {
    (void)state;
    const char *const texts[] = {"a"};
    const struct pl_uuid id = {{0}};
    const struct pl_cql_value kinds[] = {pl_cql_text("a"),      pl_cql_number(1), pl_cql_number(1),
                                         pl_cql_boolean(true),  pl_cql_double(1), pl_cql_uuid(&id),
                                         pl_cql_texts(texts, 1)};
    for (size_t column = 0; column < 7; column++) {
        for (size_t kind = 0; kind < 7; kind++) {
            struct pl_cql_value values[7];
            for (size_t i = 0; i < 7; i++) values[i] = pl_cql_unset();
            values[column] = kinds[kind];
            const struct pl_cql_bound bound = {&statement, values, 7};
            const struct pl_cql_parameters p = {0};
            bool numbers = (column == 1 || column == 2) && (kind == 1 || kind == 2);
            bool raw = kind == 0 && column != 1 && column != 2; /* bytes are taken as they are */
            struct pl_buf b;
            pl_buf_init(&b, 1000);
            pouch_err e = pl_cql_frame_execute(&b, &bound, &p);
            assert_int_equal(e, column == kind || numbers || raw ? POUCH_OK : POUCH_E_CONFIG);
            if (e) assert_non_null(strstr(pouch_why(), markers[column].name));
            pl_buf_free(&b);
        }
    }
}

static void numbers_must_fit_their_column(void **state) {
    (void)state;
    const struct {
        uint16_t type;
        int64_t most;
    } widths[] = {{PL_CQL_TINYINT, INT8_MAX}, {PL_CQL_SMALLINT, INT16_MAX}, {PL_CQL_INT, INT32_MAX}};
    for (size_t i = 0; i < 3; i++) {
        struct pl_cql_marker m = {"n", widths[i].type, 0};
        const struct pl_cql_statement st = {.text = "S", .id_n = 1, .n_markers = 1, .markers = &m};
        const int64_t tried[] = {widths[i].most, -widths[i].most - 1, widths[i].most + 1, -widths[i].most - 2};
        for (size_t j = 0; j < 4; j++) {
            const struct pl_cql_value v = pl_cql_number(tried[j]);
            const struct pl_cql_bound bound = {&st, &v, 1};
            const struct pl_cql_parameters p = {0};
            struct pl_buf b;
            pl_buf_init(&b, 1000);
            assert_int_equal(pl_cql_frame_execute(&b, &bound, &p), j < 2 ? POUCH_OK : POUCH_E_CONFIG);
            pl_buf_free(&b);
        }
    }
}

static void a_request_over_its_bound_is_refused(void **state) {
    (void)state;
    char *text = calloc(1, 2001);
    assert_non_null(text);
    memset(text, 'a', 2000);
    const struct pl_cql_value v = pl_cql_text(text);
    const struct pl_cql_bound bound = {&statement, &v, 1};
    const struct pl_cql_parameters p = {0};
    struct pl_buf b;
    pl_buf_init(&b, 1000);
    assert_int_equal(pl_cql_frame_execute(&b, &bound, &p), POUCH_E_TOO_LARGE);
    assert_int_equal(pl_cql_frame_batch(&b, &bound, 1, &p), POUCH_E_TOO_LARGE);
    assert_int_equal(pl_cql_frame_batch(&b, &bound, 0, &p), POUCH_E_CONFIG);
    assert_int_equal(b.len, 0);
    pl_buf_free(&b);
    free(text);
}

/* ---- answers ---- */

struct sample {
    const char *name, *bytes;
    size_t n;
    uint8_t op, flags;
};
#define SAMPLE(name, op, flags, bytes) \
    { name, bytes, sizeof(bytes) - 1, op, flags }

/* One row of k text, l list<text>, then a null; more pages behind. */
#define ROWS                                                                           \
    "\0\0\0\2\0\0\0\3\0\0\0\2\0\0\0\2PS\0\1s\0\1t\0\1k\0\x0d\0\1l\0\x20\0\x0d\0\0\0\2" \
    "\0\0\0\2ab\0\0\0\x0e\0\0\0\2\0\0\0\1x\0\0\0\1y\0\0\0\0\xff\xff\xff\xff"

static const struct sample samples[] = {
    SAMPLE("void", PL_CQL_OP_RESULT, 0, "\0\0\0\1"),
    SAMPLE("rows", PL_CQL_OP_RESULT, 0, ROWS),
    SAMPLE("rows behind warnings and a payload", PL_CQL_OP_RESULT, 0x0c, "\0\1\0\2hm\0\1\0\1k\0\0\0\1v" ROWS),
    SAMPLE("prepared", PL_CQL_OP_RESULT, 0,
           "\0\0\0\4\0\2ID\0\0\0\1\0\0\0\2\0\0\0\1\0\1\0\1s\0\1t\0\1a\0\x09\0\1b\0\x22\0\x0d\0\0\0\4\0\0\0\0"),
    SAMPLE("schema", PL_CQL_OP_RESULT, 0, "\0\0\0\5\0\7CREATED\0\5TABLE\0\1s\0\1t"),
    SAMPLE("nested types", PL_CQL_OP_RESULT, 0,
           "\0\0\0\2\0\0\0\1\0\0\0\1\0\1s\0\1t\0\1c\0\x21\0\x0d\0\x30\0\1s\0\1u\0\2\0\1f\0\x31\0\2\0\x09\0\x09\0\1g\0\0"
           "\0\1x"
           "\0\0\0\0"),
    SAMPLE("error", PL_CQL_OP_ERROR, 0, "\0\0\x22\0\0\3bad"),
    SAMPLE("unprepared", PL_CQL_OP_ERROR, 0, "\0\0\x25\0\0\3bad\0\2ID"),
    SAMPLE("authenticate", PL_CQL_OP_AUTHENTICATE, 0, "\0\3abc"),
    SAMPLE("ready", PL_CQL_OP_READY, 0, ""),
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

/* Reads bytes that are allocated to their length, so that a step too far is seen, and visits all that was found. */
static bool read_bytes(struct pl_cql_answer *a, struct pl_cql_rows *rows, const struct sample *s, const char *bytes,
                       size_t n) {
    const struct pl_cql_head h = {.op = s->op, .flags = s->flags, .length = (uint32_t)n};
    return pl_cql_answer_read(a, rows, &h, bytes);
}

static void add_up(const char *at, size_t n, void *arg) {
    for (size_t i = 0; i < n; i++) *(size_t *)arg += (uint8_t)at[i];
}

static size_t visit(struct pl_cql_rows *rows) {
    size_t sum = 0, n;
    struct pl_uuid id;
    while (pl_cql_rows_next(rows)) {
        for (int i = -1; i <= (int)rows->n_columns; i++) {
            const char *at = pl_cql_cell_text(rows, i, &n);
            add_up(at, n, &sum);
            pl_cql_cell_texts(rows, i, add_up, &sum);
            sum += (size_t)pl_cql_cell_number(rows, i, 0) + pl_cql_cell_uuid(rows, i, &id);
            sum += pl_cql_cell_double(rows, i, 0) > 0;
        }
    }
    return sum;
}

static void whole_answers_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct pl_cql_answer a;
        struct pl_cql_rows rows;
        if (!read_bytes(&a, &rows, &samples[i], samples[i].bytes, samples[i].n)) fail_msg("%s", samples[i].name);
    }
}

static void rows_give_their_cells(void **state) {
    (void)state;
    for (size_t i = 1; i <= 2; i++) {
        struct pl_cql_answer a;
        struct pl_cql_rows rows;
        size_t n, sum = 0;
        assert_true(read_bytes(&a, &rows, &samples[i], samples[i].bytes, samples[i].n));
        assert_int_equal(pl_cql_rows_count(&rows), 2);
        assert_memory_equal(rows.paging, "PS", 2);
        assert_true(pl_cql_cell_null(&rows, 0)); /* before the first row */
        assert_true(pl_cql_rows_next(&rows));
        assert_memory_equal(pl_cql_cell_text(&rows, pl_cql_column(&rows, "k"), &n), "ab", 2);
        assert_int_equal(pl_cql_cell_texts(&rows, pl_cql_column(&rows, "l"), add_up, &sum), 2);
        assert_int_equal(sum, 'x' + 'y');
        assert_true(pl_cql_rows_next(&rows));
        assert_false(pl_cql_cell_null(&rows, 0));
        assert_true(pl_cql_cell_null(&rows, 1));
        assert_false(pl_cql_rows_next(&rows));
        assert_true(pl_cql_applied(&rows)); /* no such column */
    }
}

static void prepared_statements_are_described(void **state) {
    (void)state;
    struct pl_cql_answer a;
    struct pl_cql_rows rows;
    struct pl_cql_statement *st;
    assert_true(read_bytes(&a, &rows, &samples[3], samples[3].bytes, samples[3].n));
    assert_int_equal(pl_cql_answer_prepared(&st, &a, "TEXT"), POUCH_OK);
    assert_int_equal(st->n_markers, 2);
    assert_string_equal(st->markers[1].name, "b");
    assert_int_equal(st->markers[1].element, PL_CQL_VARCHAR);
    assert_int_equal(st->n_key, 1);
    assert_int_equal(st->key[0], 1);
    assert_true(pl_cql_answer_same(&a, st));
    pl_cql_statement_free(st);
}

/* A copy with nothing behind it, for the sanitizers. */
static void read_copy(const struct sample *s, const char *bytes, size_t n, bool may_be_whole) {
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    struct pl_cql_answer a;
    struct pl_cql_rows rows;
    struct pl_cql_statement *st;
    bool whole = read_bytes(&a, &rows, s, copy, n);
    if (!may_be_whole && whole && s->op == PL_CQL_OP_RESULT && a.kind == PL_CQL_RESULT_ROWS)
        fail_msg("%s, %zu bytes", s->name, n);
    if (whole && s->op == PL_CQL_OP_RESULT && a.kind == PL_CQL_RESULT_ROWS) visit(&rows);
    if (whole && s->op == PL_CQL_OP_RESULT && a.kind == PL_CQL_RESULT_PREPARED && !pl_cql_answer_prepared(&st, &a, "T"))
        pl_cql_statement_free(st);
    free(copy);
}

static void short_answers_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t n = 0; n < samples[i].n; n++) read_copy(&samples[i], samples[i].bytes, n, false);
}

static void garbled_answers_are_read_within_their_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        char bytes[256];
        memcpy(bytes, samples[i].bytes, samples[i].n);
        for (size_t at = 0; at < samples[i].n; at++) {
            for (int bit = 0; bit < 8; bit++) {
                bytes[at] = (char)(bytes[at] ^ 1 << bit);
                read_copy(&samples[i], bytes, samples[i].n, true);
                bytes[at] = (char)(bytes[at] ^ 1 << bit);
            }
        }
    }
}

static void types_nest_only_so_deep(void **state) {
    (void)state;
    char bytes[400] = "\0\0\0\2\0\0\0\1\0\0\0\1\0\1s\0\1t\0\1c";
    size_t n = 21;
    for (int i = 0; i < 100; i++, n += 2) memcpy(bytes + n, "\0\x20", 2);
    memcpy(bytes + n, "\0\x09\0\0\0\0", 6);
    struct pl_cql_answer a;
    struct pl_cql_rows rows;
    assert_false(read_bytes(&a, &rows, &samples[1], bytes, n + 6));
}

static void a_page_that_is_not_the_last_says_where_the_next_begins(void **state) {
    (void)state;
    static const char page[] = "\0\0\0\2\0\0\0\3\0\0\0\1\xff\xff\xff\xff\0\1s\0\1t\0\1k\0\x0d\0\0\0";
    const struct pl_cql_head h = {.op = PL_CQL_OP_RESULT, .length = sizeof page};
    struct pl_cql_answer a;
    struct pl_cql_rows rows;
    assert_false(pl_cql_answer_read(&a, &rows, &h, page));
}

static void only_answers_of_our_version_are_taken(void **state) {
    (void)state;
    struct pl_cql_head h;
    assert_true(pl_cql_head_read(&h, "\x84\0\1\2\x08\0\0\1\0"));
    assert_int_equal(h.stream, 0x102);
    assert_int_equal(h.length, 256);
    assert_false(pl_cql_head_read(&h, "\x83\0\0\0\x08\0\0\0\0"));
    assert_false(pl_cql_head_read(&h, "\x04\0\0\0\x08\0\0\0\0"));
    assert_false(pl_cql_head_read(&h, "\x84\1\0\0\x08\0\0\0\0")); /* compressed */
}

static void every_error_of_a_server_has_its_own_of_ours(void **state) {
    (void)state;
    const struct {
        int32_t code;
        pouch_err error;
        enum pl_cql_again again;
    } rows[] = {{0x0000, POUCH_E_STORE, PL_CQL_AGAIN_DOUBT},       {0x000a, POUCH_E_STORE, PL_CQL_AGAIN_NEVER},
                {0x0100, POUCH_E_NOT_ALLOWED, PL_CQL_AGAIN_NEVER}, {0x1000, POUCH_E_STORE, PL_CQL_AGAIN_ANYTIME},
                {0x1001, POUCH_E_OVERLOADED, PL_CQL_AGAIN_DOUBT},  {0x1002, POUCH_E_OVERLOADED, PL_CQL_AGAIN_ANYTIME},
                {0x1003, POUCH_E_STORE, PL_CQL_AGAIN_NEVER},       {0x1100, POUCH_E_TIMEOUT, PL_CQL_AGAIN_DOUBT},
                {0x1200, POUCH_E_TIMEOUT, PL_CQL_AGAIN_DOUBT},     {0x1300, POUCH_E_STORE, PL_CQL_AGAIN_DOUBT},
                {0x1400, POUCH_E_STORE, PL_CQL_AGAIN_NEVER},       {0x1500, POUCH_E_STORE, PL_CQL_AGAIN_DOUBT},
                {0x2000, POUCH_E_CONFIG, PL_CQL_AGAIN_NEVER},      {0x2100, POUCH_E_NOT_ALLOWED, PL_CQL_AGAIN_NEVER},
                {0x2200, POUCH_E_CONFIG, PL_CQL_AGAIN_NEVER},      {0x2300, POUCH_E_CONFIG, PL_CQL_AGAIN_NEVER},
                {0x2400, POUCH_E_EXISTS, PL_CQL_AGAIN_NEVER},      {0x2500, POUCH_E_STORE, PL_CQL_AGAIN_NEVER},
                {0x7777, POUCH_E_STORE, PL_CQL_AGAIN_NEVER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pl_cql_answer a = {.code = rows[i].code, .message = "because", .message_n = 7};
        assert_int_equal(pl_cql_error_again(rows[i].code), rows[i].again);
        assert_int_equal(pl_cql_error_fail(&a, "host:1"), rows[i].error);
        assert_non_null(strstr(pouch_why(), "host:1"));
        assert_non_null(strstr(pouch_why(), "because"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_cassandra),
        cmocka_unit_test(an_execute_has_its_values_and_parameters_in_order),
        cmocka_unit_test(a_log_in_is_sasl_plain),
        cmocka_unit_test(a_value_goes_only_into_a_column_of_its_kind),
        cmocka_unit_test(numbers_must_fit_their_column),
        cmocka_unit_test(a_request_over_its_bound_is_refused),
        cmocka_unit_test(whole_answers_are_read),
        cmocka_unit_test(rows_give_their_cells),
        cmocka_unit_test(prepared_statements_are_described),
        cmocka_unit_test(short_answers_are_refused),
        cmocka_unit_test(garbled_answers_are_read_within_their_bytes),
        cmocka_unit_test(types_nest_only_so_deep),
        cmocka_unit_test(a_page_that_is_not_the_last_says_where_the_next_begins),
        cmocka_unit_test(only_answers_of_our_version_are_taken),
        cmocka_unit_test(every_error_of_a_server_has_its_own_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
