#include "shop.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct shop {
    pthread_mutex_t lock; /* one transaction at a time on the one connection */
    sqlite3 *db;
    char outbox[PATH_MAX - 64]; /* with room for a file's name */
};

static const char SCHEMA[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE IF NOT EXISTS inventory (item TEXT PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0));"
    "CREATE TABLE IF NOT EXISTS orders (request_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, user_id TEXT NOT NULL,"
    " amount REAL NOT NULL, fulfilled INTEGER NOT NULL, answer TEXT NOT NULL, mailed INTEGER NOT NULL DEFAULT 0);"
    "INSERT OR IGNORE INTO inventory VALUES ('cup', 100), ('tea', 100);";

/* ?1: the items as a JSON array, in which one may stand several times. */
static const char MISSING[] = "SELECT value FROM json_each(?1) GROUP BY value "
                              "HAVING count(*) > coalesce((SELECT stock FROM inventory WHERE item = value), 0) LIMIT 1";
static const char TAKE[] =
    "UPDATE inventory SET stock = stock - (SELECT count(*) FROM json_each(?1) WHERE value = item) "
    "WHERE item IN (SELECT value FROM json_each(?1))";

static bool complain(const char *what, const char *why) {
    fprintf(stderr, "service-2: %s: %s\n", what, why);
    return false;
}

/* ---- the database ---- */

/* Runs a statement with texts for ?1, ?2, …; row, if not NULL, gets the first value of the first row, or NULL. */
static bool run(sqlite3 *db, const char *sql, const char *const texts[], size_t n, char **row) {
    sqlite3_stmt *s = NULL;
    int e = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    for (size_t i = 0; !e && i < n; i++) e = sqlite3_bind_text(s, (int)i + 1, texts[i], -1, SQLITE_STATIC);
    if (!e) e = sqlite3_step(s);
    const char *text = e == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (row) *row = text ? strdup(text) : NULL;
    bool ok = e == SQLITE_DONE || (e == SQLITE_ROW && (!row || *row));
    if (!ok) complain("the database", e == SQLITE_ROW ? "out of memory" : sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return ok;
}

/* All of work, or nothing. */
static bool transaction(struct shop *shop, bool (*work)(struct shop *shop, void *arg), void *arg) {
    if (!run(shop->db, "BEGIN IMMEDIATE", NULL, 0, NULL)) return false;
    if (work(shop, arg) && run(shop->db, "COMMIT", NULL, 0, NULL)) return true;
    sqlite3_exec(shop->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* ---- an order ---- */

/* Texts that are ready to be stored; all are to be freed. */
struct entry {
    const char *request_id, *order_id, *user_id; /* borrowed */
    char *amount, *items, *answer;
};

static bool insert(sqlite3 *db, const struct entry *o, bool fulfilled, const char *answer) {
    const char *const texts[] = {o->request_id, o->order_id, o->user_id, o->amount, fulfilled ? "1" : "0", answer};
    return run(
        db,
        "INSERT INTO orders (request_id, order_id, user_id, amount, fulfilled, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        texts, 6, NULL);
}

/*
 * The order's row, and its items out of the stock. A refusal is stored too: a second delivery must not be told
 * otherwise.
 */
static bool enter(struct shop *shop, void *arg) {
    const struct entry *o = arg;
    const char *const items[] = {o->items};
    char *known, *missing = NULL;
    if (!run(shop->db, "SELECT 1 FROM orders WHERE request_id = ?1", &o->request_id, 1, &known)) return false;
    bool ok = known || run(shop->db, MISSING, items, 1, &missing);
    if (ok && !known && missing)
        ok = insert(shop->db, o, false, "an item is out of stock");
    else if (ok && !known)
        ok = insert(shop->db, o, true, o->answer) && run(shop->db, TAKE, items, 1, NULL);
    free(known);
    free(missing);
    return ok;
}

/* ---- the mail ---- */

/* Under a name of its own until it is whole, so that whoever empties the outbox never sees half a mail. */
static bool write_mail(const struct shop *shop, const struct entry *o) {
    char path[PATH_MAX], part[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s.eml", shop->outbox, o->request_id);
    snprintf(part, sizeof part, "%s/%s.part", shop->outbox, o->request_id);
    FILE *f = fopen(part, "we");
    if (!f) return complain(part, strerror(errno));
    fprintf(f,
            "From: shop@example.org\nTo: %s@example.org\nSubject: Your order %s\nMessage-ID: <%s@example.org>\n"
            "\nYour order %s over %s is on its way.\n",
            o->user_id, o->order_id, o->request_id, o->order_id, o->amount);
    bool ok = !fflush(f) && !ferror(f) && !fsync(fileno(f));
    if (fclose(f)) ok = false;
    return (ok && !rename(part, path)) || complain(path, strerror(errno));
}

/* Once for each fulfilled order. After a crash between the two steps it is written again, with the same Message-ID. */
static bool send_mail(struct shop *shop, void *arg) {
    const struct entry *o = arg;
    char *due;
    if (!run(shop->db, "SELECT 1 FROM orders WHERE request_id = ?1 AND fulfilled AND NOT mailed", &o->request_id, 1,
             &due))
        return false;
    bool ok = !due || (write_mail(shop, o) &&
                       run(shop->db, "UPDATE orders SET mailed = 1 WHERE request_id = ?1", &o->request_id, 1, NULL));
    free(due);
    return ok;
}

/* ---- both ---- */

/* For the row that is there by now. */
static bool read_outcome(struct shop *shop, const char *request_id, struct outcome *outcome) {
    char *fulfilled = NULL;
    bool ok = run(shop->db, "SELECT fulfilled FROM orders WHERE request_id = ?1", &request_id, 1, &fulfilled) &&
              run(shop->db, "SELECT answer FROM orders WHERE request_id = ?1", &request_id, 1, &outcome->text);
    outcome->fulfilled = fulfilled && !strcmp(fulfilled, "1");
    free(fulfilled);
    return ok;
}

/* {"orderId","status","validationStatus"}, to be freed. */
static char *answer_of(const json_t *order) {
    json_t *answer = json_pack("{s:O,s:s,s:O}", "orderId", json_object_get(order, "orderId"), "status", "fulfilled",
                               "validationStatus", json_object_get(order, "validationStatus"));
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    return text;
}

bool shop_fulfil(struct shop *shop, const char *request_id, const json_t *order, struct outcome *outcome) {
    struct entry o = {
        .request_id = request_id,
        .order_id = json_string_value(json_object_get(order, "orderId")),
        .user_id = json_string_value(json_object_get(order, "userId")),
        .amount = json_dumps(json_object_get(order, "amount"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)),
        .items = json_dumps(json_object_get(order, "items"), 0),
        .answer = answer_of(order),
    };
    bool ok = o.amount && o.items && o.answer;
    if (!ok) complain("an order", "out of memory");
    pthread_mutex_lock(&shop->lock);
    ok = ok && transaction(shop, enter, &o) && transaction(shop, send_mail, &o) &&
         read_outcome(shop, request_id, outcome);
    pthread_mutex_unlock(&shop->lock);
    free(o.amount);
    free(o.items);
    free(o.answer);
    return ok;
}

/* ---- opening ---- */

static bool make_folder(const char *path) {
    return !mkdir(path, 0700) || errno == EEXIST || complain(path, strerror(errno));
}

static bool open_database(struct shop *shop, const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/orders.db", folder);
    if (sqlite3_open(path, &shop->db)) return complain(path, sqlite3_errmsg(shop->db));
    sqlite3_busy_timeout(shop->db, 5000); /* another instance may be at it */
    return !sqlite3_exec(shop->db, SCHEMA, NULL, NULL, NULL) || complain(path, sqlite3_errmsg(shop->db));
}

struct shop *shop_open(const char *folder) {
    struct shop *shop = calloc(1, sizeof *shop);
    if (!shop) {
        complain(folder, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&shop->lock, NULL);
    int n = snprintf(shop->outbox, sizeof shop->outbox, "%s/outbox", folder);
    bool fits = (size_t)n < sizeof shop->outbox || complain(folder, "too long a path");
    if (fits && make_folder(folder) && make_folder(shop->outbox) && open_database(shop, folder)) return shop;
    shop_close(shop);
    return NULL;
}

void shop_close(struct shop *shop) {
    if (!shop) return;
    sqlite3_close(shop->db);
    pthread_mutex_destroy(&shop->lock);
    free(shop);
}
