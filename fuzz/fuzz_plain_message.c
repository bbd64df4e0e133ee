/* Tasks and replies of plain workers: what is read lies inside, and a task that is given an id reads back with it. */
#include <plain/message.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool truth) {
    if (!truth) abort();
}

static void give_id(const struct plain_task *t) {
    static const char id[] = "an \"id\"";
    char back[PLAIN_ID_MAX + 1];
    struct plain_task again;
    struct pl_buf out;
    pl_buf_init(&out, t->json.n + 64);
    require(!plain_task_write(&out, t, id));
    require(pl_json_valid(out.at, out.len));
    pouch_err e = plain_task_read(&again, out.at, out.len);
    require(!e || e == POUCH_E_INVALID_PAYLOAD); /* one member more may be one too many */
    if (!e) require(plain_id_read(back, again.id) == sizeof id - 1 && !strcmp(back, id));
    pl_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const char *text = (const char *)data;
    char id[PLAIN_ID_MAX + 1];
    struct plain_task t;
    struct plain_answer a;
    if (!plain_task_read(&t, text, n)) {
        require(t.json.at >= text && t.json.at + t.json.n <= text + n && pl_json_valid(t.json.at, t.json.n));
        require(!t.id.at || plain_id_read(id, t.id) <= PLAIN_ID_MAX);
        if (!t.id.at) give_id(&t);
    }
    if (!plain_answer_read(&a, text, n)) {
        require(pl_json_valid(text, n) && a.id.at);
        size_t id_n = plain_id_read(id, a.id);
        require(id_n <= PLAIN_ID_MAX && (!id_n || !id[id_n]));
    }
    require(plain_id_take(id, text, n) <= PLAIN_ID_MAX);
    return 0;
}
