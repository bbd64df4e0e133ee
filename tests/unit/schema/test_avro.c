/* Avro: schemas, and values from JSON to binary and back. */
#include <support.h>

#include <base/hex.h>
#include <pouch/error.h>
#include <schema/avro.h>
#include <stdio.h>
#include <stdlib.h>

static struct avro_schema *schema_of(const char *text) {
    struct avro_schema *schema;
    if (schema_avro_compile(&schema, text, strlen(text))) fail_msg("%s: %s", text, pouch_why());
    return schema;
}

static json_t *value_of(const char *text) {
    json_t *value;
    if (pl_json_read_payload(&value, "payload", text, strlen(text))) fail_msg("%s: %s", text, pouch_why());
    return value;
}

/* The binary in hex, in out; or the error. */
static pouch_err written(const char *schema_text, const char *payload, char out[static 256]) {
    struct avro_schema *schema = schema_of(schema_text);
    json_t *value = value_of(payload);
    struct pl_buf binary;
    pl_buf_init(&binary, 100);
    pouch_err e = schema_avro_write(schema, value, strlen(payload), &binary);
    assert_true(!e || !binary.len);
    pl_hex_encode(out, (const uint8_t *)(binary.at ? binary.at : ""), binary.len);
    out[2 * binary.len] = 0;
    pl_buf_free(&binary);
    json_decref(value);
    schema_avro_free(schema);
    return e;
}

/* The JSON text, in out; or the error. */
static pouch_err read_back(const char *schema_text, const char *hex, size_t room, char out[static 256]) {
    struct avro_schema *schema = schema_of(schema_text);
    size_t n = strlen(hex) / 2;
    uint8_t *bytes = malloc(n + 1); /* as long as it is, so that a sanitizer sees a byte too many */
    assert_true(pl_hex_decode(bytes, hex, n));
    json_t *value;
    pouch_err e = schema_avro_read(schema, bytes, n, room, &value);
    assert_true(!e == (value != NULL));
    char *text = value ? pl_json_text(value, NULL) : NULL;
    snprintf(out, 256, "%s", text ? text : "");
    free(text);
    free(bytes);
    json_decref(value);
    schema_avro_free(schema);
    return e;
}

#define NODE                                                                                                          \
    "{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"},{\"name\":\"next\",\"type\":[" \
    "\"null\",\"N\"]}]}"
#define SUIT "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"A\",\"B\"]}"
#define PAIR                                                                                                     \
    "{\"type\":\"record\",\"name\":\"P\",\"namespace\":\"x.y\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"},{" \
    "\"name\":\"b\",\"type\":\"string\",\"default\":\"z\"}]}"

/* The bytes are those of Avro's specification. `again`: what reading gives, where that is not what was written. */
static const struct {
    const char *schema, *json, *hex, *again;
} values[] = {
    {"\"null\"", "null", "", NULL},
    {"\"boolean\"", "true", "01", NULL},
    {"\"boolean\"", "false", "00", NULL},
    {"\"int\"", "-1", "01", NULL},
    {"\"int\"", "64", "8001", NULL},
    {"\"int\"", "-2147483648", "ffffffff0f", NULL},
    {"\"int\"", "2.0", "04", "2"},
    {"\"long\"", "9223372036854775807", "feffffffffffffffff01", NULL},
    {"\"long\"", "-9223372036854775808", "ffffffffffffffffff01", NULL},
    {"\"float\"", "1.5", "0000c03f", NULL},
    {"\"float\"", "\"NaN\"", "0000c07f", NULL},
    {"\"double\"", "1", "000000000000f03f", "1.0"},
    {"\"double\"", "\"-Infinity\"", "000000000000f0ff", NULL},
    {"\"string\"", "\"foo\"", "06666f6f", NULL},
    {"\"string\"", "\"\\u0000\\u00e9\"", "0600c3a9", "\"\\u0000\xc3\xa9\""},
    {"\"bytes\"", "\"\\u0000\\u00ff\"", "0400ff", "\"\\u0000\xc3\xbf\""},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"\\u0080a\"", "8061",
     "\"\xc2\x80"
     "a\""},
    {SUIT, "\"B\"", "02", NULL},
    {"{\"type\":\"array\",\"items\":\"long\"}", "[3,27]", "04063600", NULL},
    {"{\"type\":\"array\",\"items\":\"long\"}", "[]", "00", NULL},
    {"{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", "02026b0200", NULL},
    {PAIR, "{\"a\":27,\"b\":\"foo\"}", "3606666f6f", NULL},
    {PAIR, "{\"a\":27}", "36027a", "{\"a\":27,\"b\":\"z\"}"},
    {NODE, "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}", "02020400", NULL},
    {"[\"null\",\"string\"]", "null", "00", NULL},
    {"[\"null\",\"string\"]", "\"a\"", "020261", NULL},
    {"[\"null\",\"string\"]", "{\"string\":\"a\"}", "020261", "\"a\""},
    {"[\"double\",\"long\"]", "1", "0202", NULL},
    {"[\"double\",\"long\"]", "1.5", "00000000000000f83f", NULL},
    {"[\"null\",\"double\"]", "1", "02000000000000f03f", "1.0"},
    {"[\"null\"," PAIR "]", "{\"x.y.P\":{\"a\":1,\"b\":\"\"}}", "020200", "{\"a\":1,\"b\":\"\"}"},
    {"{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", "5", "0a", NULL},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"u\",\"type\":[\"null\",\"int\"],\"default\":null}]}",
     "{}", "00", "{\"u\":null}"},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"bytes\",\"default\":"
     "\"\\u0000\\u00ff\"}]}",
     "{}", "0400ff", "{\"b\":\"\\u0000\xc3\xbf\"}"},
};

/* acceptance: D19 */
static void values_are_written_as_the_specification_says_and_read_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char out[256];
        if (written(values[i].schema, values[i].json, out)) fail_msg("%s: %s", values[i].json, pouch_why());
        assert_string_equal(out, values[i].hex);
        if (read_back(values[i].schema, values[i].hex, 1000, out)) fail_msg("%s: %s", values[i].hex, pouch_why());
        assert_string_equal(out, values[i].again ? values[i].again : values[i].json);
    }
}

static void what_does_not_fit_is_told_by_its_place(void **state) {
    (void)state;
    static const struct {
        const char *schema, *json, *why;
    } rows[] = {
        {"\"int\"", "2147483648", "the whole payload: not the int that the schema wants"},
        {"\"long\"", "18446744073709551616", "not the long"},
        {"\"long\"", "1.5", "not the long"},
        {"\"float\"", "1e39", "not the float"},
        {"\"boolean\"", "0", "not the boolean"},
        {"\"null\"", "0", "not the null"},
        {"\"bytes\"", "\"\\u0100\"", "not the bytes"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"a\"", "not the F"},
        {SUIT, "\"C\"", "not the S"},
        {PAIR, "{\"b\":\"\"}", "/a: missing"},
        {PAIR, "{\"a\":1,\"secret\":2}", "1 members that x.y.P does not have"},
        {PAIR, "{\"a\":\"secret\"}", "/a: not the long"},
        {"{\"type\":\"array\",\"items\":" PAIR "}", "[{\"a\":1},{\"a\":\"s\"}]", "/1/a: not the long"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"secret\":\"x\"}", "/0: not the int"},
        {"[\"null\"," PAIR "]", "{\"a\":\"s\"}", "/a: not the long"},
        {"[\"int\",\"boolean\"]", "\"s\"", "not the union"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[256];
        assert_int_equal(written(rows[i].schema, rows[i].json, out), POUCH_E_INVALID_PAYLOAD);
        if (!strstr(pouch_why(), rows[i].why) || strstr(pouch_why(), "secret"))
            fail_msg("%s: %s", rows[i].json, pouch_why());
    }
}

static void what_is_no_schema_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "1",
        "{}",
        "\"nothing\"",
        "{\"type\":\"object\"}",
        "[]x",
        "[[\"null\"]]",
        "[\"int\",\"int\"]",
        "\"int\\u0000\"",
        "{\"type\":\"int\\u0000\"}",
        "{\"type\":\"fixed\",\"name\":\"F\\u0000\",\"size\":1}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a\\u0000\",\"size\":1}",
        "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"A\\u0000\"]}",
        "{\"type\":\"array\"}",
        "{\"type\":\"map\"}",
        "{\"type\":\"fixed\",\"name\":\"F\"}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
        "{\"type\":\"enum\",\"name\":\"S\"}",
        "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"A\",\"A\"]}",
        "{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"1\"]}",
        "{\"type\":\"record\",\"name\":\"R\"}",
        "{\"type\":\"record\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a..b\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":"
        "\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"int\"],\"default\":1}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"R\",\"default\":{}}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":" PAIR
        "},{\"name\":\"b\",\"type\":" PAIR "}]}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct avro_schema *schema;
        if (schema_avro_compile(&schema, rows[i], strlen(rows[i])) != POUCH_E_INVALID_PAYLOAD) fail_msg("%s", rows[i]);
        assert_null(schema);
    }
}

static void names_belong_to_the_namespace_around_them(void **state) {
    (void)state;
    static const char text[] =
        "{\"type\":\"record\",\"name\":\"a.b.R\",\"fields\":["
        "{\"name\":\"s\",\"type\":{\"type\":\"enum\",\"name\":\"S\",\"symbols\":[\"A\"]}},"
        "{\"name\":\"t\",\"type\":\"S\"},{\"name\":\"u\",\"type\":\"a.b.S\"},"
        "{\"name\":\"v\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":1}}]}";
    char out[256];
    assert_int_equal(written(text, "{\"s\":\"A\",\"t\":\"A\",\"u\":\"A\",\"v\":\"x\"}", out), POUCH_OK);
    assert_string_equal(out, "00000078");
}

static void bytes_that_are_no_value_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *schema, *hex;
    } rows[] = {
        {"\"int\"", ""},
        {"\"int\"", "80"},
        {"\"int\"", "ffffffffffffffffff01"},
        {"\"long\"", "ffffffffffffffffff02"},
        {"\"long\"", "ffffffffffffffffffff01"},
        {"\"int\"", "0202"},
        {"\"boolean\"", "02"},
        {"\"string\"", "08616263"},
        {"\"string\"", "02ff"},
        {"\"bytes\"", "ffffffffffffffffff01"},
        {"\"float\"", "000000"},
        {SUIT, "04"},
        {SUIT, "01"},
        {"[\"null\"]", "02"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "02"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "ffffffffffffffffff01"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "04026b02026b0400"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"R\"}]}", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[256];
        if (read_back(rows[i].schema, rows[i].hex, 100000, out) != POUCH_E_INVALID_PAYLOAD)
            fail_msg("%s %s: %s", rows[i].schema, rows[i].hex, out);
    }
}

static void few_bytes_do_not_become_a_payload_without_end(void **state) {
    (void)state;
    char out[256];
    /* A block of 2^61 nulls. */
    assert_int_equal(read_back("{\"type\":\"array\",\"items\":\"null\"}", "808080808080808040", 100000, out),
                     POUCH_E_TOO_LARGE);
    /*
     * And of as many records, each of which is no byte, and in memory 224: refused long before the room for their text
     * is used up.
     */
    assert_int_equal(read_back("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}}",
                               "808080808080808040", (size_t)1 << 40, out),
                     POUCH_E_TOO_LARGE);
    assert_non_null(strstr(pouch_why(), "more than 256 MiB of memory"));
    assert_int_equal(read_back("\"string\"", "1461616161616161616161", 9, out), POUCH_E_TOO_LARGE);
    /* A block that tells its size, then another. */
    assert_int_equal(read_back("{\"type\":\"array\",\"items\":\"int\"}",
                               "0304020402"
                               "0600",
                               1000, out),
                     POUCH_OK);
    assert_string_equal(out, "[1,2,3]");
}

/* Each branch is tried, and in it each: without a bound two to the power of the depth. */
static void unions_that_fit_nowhere_end(void **state) {
    (void)state;
    static const char two[] = "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"n\",\"type\":[\"A\",{"
                              "\"type\":\"record\",\"name\":\"B\","
                              "\"fields\":[{\"name\":\"n\",\"type\":[\"A\",\"B\",\"null\"]}]},\"null\"]}]},\"B\"]";
    char json[1024], *to = json;
    for (int i = 0; i < 60; i++) to = stpcpy(to, "{\"n\":");
    to = stpcpy(to, "1");
    for (int i = 0; i < 60; i++) to = stpcpy(to, "}");
    char out[256];
    assert_int_equal(written(two, json, out), POUCH_E_INVALID_PAYLOAD);
}

static void a_full_buffer_is_left_as_it_was(void **state) {
    (void)state;
    struct avro_schema *schema = schema_of("{\"type\":\"array\",\"items\":\"string\"}");
    json_t *value = value_of("[\"aaaa\",\"bbbb\"]");
    for (size_t max = 2; max < 14; max++) {
        struct pl_buf out;
        pl_buf_init(&out, max);
        assert_int_equal(pl_buf_puts(&out, "xy"), POUCH_OK);
        pouch_err e = schema_avro_write(schema, value, 15, &out);
        assert_int_equal(e, max < 2 + 12 ? POUCH_E_TOO_LARGE : POUCH_OK);
        assert_string_equal(out.at, "xy");
        pl_buf_free(&out);
    }
    json_decref(value);
    schema_avro_free(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_as_the_specification_says_and_read_back),
        cmocka_unit_test(what_does_not_fit_is_told_by_its_place),
        cmocka_unit_test(what_is_no_schema_is_refused),
        cmocka_unit_test(names_belong_to_the_namespace_around_them),
        cmocka_unit_test(bytes_that_are_no_value_are_refused),
        cmocka_unit_test(few_bytes_do_not_become_a_payload_without_end),
        cmocka_unit_test(unions_that_fit_nowhere_end),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
