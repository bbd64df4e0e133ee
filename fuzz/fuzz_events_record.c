/*
 * A record of any bytes on the log of events: what is read of it is sent so that an EventSource sees one event, with
 * the id and name it was given and the data it has, and nothing else.
 */
#include <events/record.h>
#include <events/sources.h>
#include <sse_reader.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

/* Line ends of any kind are one to a client. */
static size_t with_plain_line_ends(char *out, const char *text, size_t n) {
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') continue;
        out[length++] = text[i] == '\r' ? '\n' : text[i];
    }
    return length;
}

static void look(const struct sse_seen *seen, void *arg) {
    const struct events_event *event = arg;
    char plain[SSE_SEEN_MAX];
    require(!strcmp(seen->name, event->name ? event->name : "message") && !strcmp(seen->id, "41"));
    if (!json_is_string(event->data)) {
        json_t *back = json_loadb(seen->data, seen->n, JSON_DECODE_ANY, NULL);
        require(back != NULL);
        json_decref(back);
        return;
    }
    size_t length = with_plain_line_ends(plain, json_string_value(event->data), json_string_length(event->data));
    require(length == seen->n && !memcmp(plain, seen->data, length));
}

static void send(struct events_event *event) {
    static struct sse_reader reader;
    struct pl_buf out;
    pl_buf_init(&out, EVENTS_BYTES_MAX);
    memset(&reader, 0, sizeof reader);
    reader.dispatch = look;
    reader.arg = event;
    if (!events_event_write(&out, event, 41)) {
        require(sse_reader_feed(&reader, out.at, out.len) == out.len);
        require(reader.events == 1 && reader.comments == 0 && reader.retry_ms == event->retry_ms);
    } else {
        require(out.len == 0);
    }
    pl_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct events_record r;
    if (events_record_read(&r, data, n)) return 0;
    struct events_sources sources = {0};
    if (r.source.topic[0]) {
        require(!events_sources_has(&sources, &r.source));
        require(events_sources_has(&sources, &r.source));
    }
    events_sources_free(&sources);
    send(&r.event);
    json_decref(r.root);
    return 0;
}
