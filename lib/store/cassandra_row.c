#include <base/why.h>
#include <stdlib.h>
#include <store/cassandra_row.h>
#include <string.h>
#include <wire/scan.h>

const char pl_cassandra_row_insert[] =
    "INSERT INTO %s.trace_by_request (request_id, row_id, timestamp, timestamp_us, made_by, message_type, type, "
    "success,"
    " error, code, worker_name, topic, source_topic, target_topic, kafka_partition, kafka_offset, route_id,"
    " processing_time_ms, duration_ms, took_us, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " USING TIMESTAMP ? AND TTL ?";

/*
 * A row that is written again leaves alone what it does not set, so a cell of an earlier time than the row's others is
 * none of its own: hence the times of those that come and go.
 */
const char pl_cassandra_row_select[] =
    "SELECT request_id, row_id, timestamp_us, made_by, message_type, type, success, worker_name, topic, source_topic,"
    " target_topic, kafka_partition, kafka_offset, took_us, error, code, route_id, payload, writetime(success),"
    " writetime(error), writetime(code), writetime(route_id), writetime(payload) FROM %s.trace_by_request";

enum column {
    REQUEST_ID,
    ROW_ID,
    AT_US,
    MADE_BY,
    MESSAGE_TYPE,
    TYPE,
    SUCCESS,
    WORKER_NAME,
    TOPIC,
    SOURCE_TOPIC,
    TARGET_TOPIC,
    PARTITION,
    OFFSET,
    TOOK_US,
    ERROR,
    CODE,
    ROUTE_ID,
    PAYLOAD,
    ROW_WRITTEN,
    CHANGING_WRITTEN /* of ERROR, and of those after it in the same order */
};

static const char *const makers[] = {
    [PL_TRACE_CLIENT] = "client", [PL_TRACE_CENTER] = "center", [PL_TRACE_WORKER] = "worker"};
static const char *const types[] = {"request", "response"};

struct pl_uuid pl_cassandra_row_key(const struct pl_trace *row) {
    static const struct pl_uuid none;
    struct pl_uuid key = row->request_id;
    if (!memcmp(&key, &none, sizeof key)) memcpy(key.b + 8, &row->id, sizeof row->id);
    return key;
}

/* Whether it is one that pl_cassandra_row_key() made. */
static bool is_made(const struct pl_uuid *key, uint64_t id) {
    static const uint8_t none[8];
    return !memcmp(key->b, none, sizeof none) && !memcmp(key->b + 8, &id, sizeof id);
}

static bool is_utf8(const char *at, const char *end) {
    while (at < end) {
        size_t n = pl_utf8_length(at, end);
        if (!n) return false;
        at += n;
    }
    return true;
}

/* A text as Cassandra takes it. */
static struct pl_cql_value clean(const char *text, struct pl_cassandra_scratch *scratch) {
    if (!text) return pl_cql_unset();
    size_t n = strlen(text);
    if (is_utf8(text, text + n)) return pl_cql_bytes(text, n);
    if (n > sizeof scratch->at - scratch->used) n = sizeof scratch->at - scratch->used;
    char *out = scratch->at + scratch->used;
    scratch->used += n;
    for (size_t i = 0; i < n;) {
        size_t length = pl_utf8_length(text + i, text + n);
        if (length)
            memcpy(out + i, text + i, length);
        else
            out[i] = '?';
        i += length ? length : 1;
    }
    return pl_cql_bytes(out, n);
}

static struct pl_cql_value milliseconds(int64_t us) {
    if (us < 0) return pl_cql_unset();
    int64_t ms = (us + 500) / 1000;
    return pl_cql_number(ms < INT32_MAX ? ms : INT32_MAX);
}

void pl_cassandra_row_bind(struct pl_cql_value values[PL_CASSANDRA_ROW_VALUES], const struct pl_trace *row,
                           int64_t written_us, int64_t ttl_s, struct pl_cassandra_scratch *scratch) {
    const struct pl_cql_value unset = pl_cql_unset(), type = pl_cql_text(types[row->response]),
                              topic = clean(row->topic, scratch), took = milliseconds(row->took_us);
    const struct pl_uuid key = pl_cassandra_row_key(row);
    bool center = row->by == PL_TRACE_CENTER, recorded = row->offset >= 0;
    const char *payload = row->payload;
    bool keep = payload && is_utf8(payload, payload + row->payload_n); /* an envelope is */
    const struct pl_cql_value all[PL_CASSANDRA_ROW_VALUES] = {
        pl_cql_uuid(&key),
        pl_cql_number((int64_t)row->id),
        pl_cql_number(row->at_us / 1000),
        pl_cql_number(row->at_us),
        pl_cql_text(makers[row->by]),
        center ? type : unset,
        center ? unset : type,
        pl_cql_boolean(row->success),
        clean(row->error ? row->error : row->code, scratch),
        clean(row->code, scratch),
        clean(row->publisher, scratch),
        center ? unset : topic,
        center ? topic : unset,
        clean(row->target, scratch),
        recorded ? pl_cql_number(row->partition) : unset,
        recorded ? pl_cql_number(row->offset) : unset,
        clean(row->route, scratch),
        center ? took : unset,
        center ? unset : took,
        pl_cql_number(row->took_us),
        keep ? pl_cql_bytes(payload, row->payload_n) : unset,
        pl_cql_number(written_us),
        pl_cql_number(ttl_s),
    };
    memcpy(values, all, sizeof all);
}

/* ---- reading ---- */

/* Where a text goes to in the copy. */
struct text {
    const char **to;
    enum column column;
};

static bool is_of_the_row(const struct pl_cql_rows *row, enum column column) {
    if (column < ERROR) return true;
    int written = CHANGING_WRITTEN + (int)(column - ERROR);
    return pl_cql_cell_number(row, written, 0) == pl_cql_cell_number(row, ROW_WRITTEN, -1);
}

static size_t text_length(const struct pl_cql_rows *row, enum column column) {
    struct pl_cql_cell cell = pl_cql_cell_bytes(row, (int)column);
    return cell.n < 0 || !is_of_the_row(row, column) ? 0 : (size_t)cell.n + 1;
}

static char *copy_text(char *at, const struct text *text, const struct pl_cql_rows *row) {
    size_t n = text_length(row, text->column);
    if (!n) return at;
    memcpy(at, pl_cql_cell_bytes(row, (int)text->column).at, n - 1);
    at[n - 1] = '\0';
    *text->to = at;
    return at + n;
}

static bool cell_is(const struct pl_cql_rows *row, enum column column, const char *text) {
    size_t n;
    const char *at = pl_cql_cell_text(row, (int)column, &n);
    return n == strlen(text) && !memcmp(at, text, n);
}

static void read_numbers(struct pl_trace *t, const struct pl_cql_rows *row) {
    struct pl_uuid key = {{0}};
    t->id = (uint64_t)pl_cql_cell_number(row, ROW_ID, 0);
    if (pl_cql_cell_uuid(row, REQUEST_ID, &key) && !is_made(&key, t->id)) t->request_id = key;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        if (cell_is(row, MADE_BY, makers[i])) t->by = (enum pl_trace_by)i;
    t->response = cell_is(row, MESSAGE_TYPE, types[1]) || cell_is(row, TYPE, types[1]);
    t->success = pl_cql_cell_number(row, SUCCESS, 0);
    t->at_us = pl_cql_cell_number(row, AT_US, 0);
    t->took_us = pl_cql_cell_number(row, TOOK_US, -1);
    t->partition = (int32_t)pl_cql_cell_number(row, PARTITION, -1);
    t->offset = pl_cql_cell_number(row, OFFSET, -1);
}

pouch_err pl_cassandra_row_read(struct pl_cassandra_row **out, const struct pl_cql_rows *row) {
    const char *payload = NULL;
    struct pl_trace t = {0};
    read_numbers(&t, row);
    const struct text texts[] = {{&t.publisher, WORKER_NAME}, {&t.topic, TOPIC},    {&t.topic, SOURCE_TOPIC},
                                 {&t.target, TARGET_TOPIC},   {&t.route, ROUTE_ID}, {&t.code, CODE},
                                 {&t.error, ERROR},           {&payload, PAYLOAD}};
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    size_t size = 0;
    for (size_t i = 0; i < TEXTS; i++) size += text_length(row, texts[i].column);
    *out = malloc(sizeof **out + size);
    if (!*out) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a row of the store");
    char *at = (*out)->texts;
    for (size_t i = 0; i < TEXTS; i++) at = copy_text(at, &texts[i], row);
    if (t.error && t.code && !strcmp(t.error, t.code)) t.error = NULL; /* it had none of its own */
    t.payload = payload;
    t.payload_n = payload ? strlen(payload) : 0;
    (*out)->trace = t;
    return POUCH_OK;
}

/* ---- many of them ---- */

enum { FIRST_CAP = 16, ROWS_MAX = 1000000 };

pouch_err pl_cassandra_rows_add(struct pl_cassandra_rows *rows, struct pl_cassandra_row *row) {
    if (rows->n == rows->max) {
        size_t max = rows->max ? 2 * rows->max : FIRST_CAP;
        struct pl_cassandra_row **wider = max > ROWS_MAX ? NULL : reallocarray(rows->at, max, sizeof(void *));
        if (!wider) {
            free(row);
            return pl_fail(POUCH_E_NO_MEMORY, "there are more rows than can be put in order: over %zu", rows->n);
        }
        rows->at = wider;
        rows->max = max;
    }
    rows->at[rows->n++] = row;
    return POUCH_OK;
}

static int by_age(const void *left, const void *right) {
    const struct pl_trace *a = &(*(struct pl_cassandra_row *const *)left)->trace,
                          *b = &(*(struct pl_cassandra_row *const *)right)->trace;
    if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
    int64_t x = (int64_t)a->id, y = (int64_t)b->id; /* as the tables order them, whose bigint has a sign */
    return (x > y) - (x < y);
}

static int by_youth(const void *left, const void *right) {
    return by_age(right, left);
}

void pl_cassandra_rows_sort(struct pl_cassandra_rows *rows, bool oldest_first) {
    if (rows->n) qsort(rows->at, rows->n, sizeof(void *), oldest_first ? by_age : by_youth);
}

void pl_cassandra_rows_free(struct pl_cassandra_rows *rows) {
    for (size_t i = 0; i < rows->n; i++) free(rows->at[i]);
    free(rows->at);
    *rows = (struct pl_cassandra_rows){0};
}
