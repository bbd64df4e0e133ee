/*
 * A spool's file as another process left it: whatever is in it, reading ends, and what comes out can be unpacked.
 * The first records are made whole, with the sums that they would have, so that what lies behind those is reached.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/spool.h>
#include <store/spool_record.h>
#include <store/trace_pack.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FILE_MOST = 256 * 1024 };

static char folder[] = "/dev/shm/pouch-fuzz-XXXXXX";
static struct pl_spool_place place;

static void remove_folder(void) {
    char command[64];
    snprintf(command, sizeof command, "%s/spool-0000000000000007-000.lock", folder);
    unlink(command);
    rmdir(folder);
}

static void begin(void) {
    if (place.folder) return;
    if (!mkdtemp(folder)) abort();
    place = (struct pl_spool_place){folder, 7};
    atexit(remove_folder);
}

/* Two bytes say how long a record is, two how many rows it has; the rest are its rows. */
static size_t make_record(char *out, const uint8_t *data, size_t n, uint64_t before) {
    struct pl_record r = {.segment = 1, .before = before, .from_us = 1, .to_us = 2};
    size_t bytes = (size_t)(data[0] | data[1] << 8);
    r.bytes = (uint32_t)(bytes < n - 4 ? bytes : n - 4);
    r.rows = data[2];
    r.gap = data[3] > 250 ? data[3] : 0;
    memcpy(out + PL_RECORD_HEAD, data + 4, r.bytes);
    pl_record_write(out, &r, (const char *)data + 4);
    return pl_record_room(&r);
}

/* After a byte: so many records that are whole, and what is left as it is. */
static size_t make_file(char *file, const uint8_t *data, size_t n) {
    size_t used = PL_SEGMENT_HEAD, records = n ? data[0] & 7 : 0, at = n ? 1 : 0;
    memset(file, 0, FILE_MOST);
    for (uint64_t i = 0; i < records && n - at > 4 && used + n - at + 2 * PL_RECORD_HEAD < FILE_MOST; i++) {
        size_t taken = (size_t)(data[at] | data[at + 1] << 8);
        used += make_record(file + used, data + at, n - at, i * 3);
        at += 4 + (taken < n - at - 4 ? taken : n - at - 4);
    }
    size_t rest = n - at < FILE_MOST - used ? n - at : FILE_MOST - used;
    memcpy(file + used, data + at, rest);
    return used + rest;
}

static void write_file(const char *bytes, size_t n) {
    char path[PATH_MAX];
    const struct pl_segment_name name = {.slot = 0, .number = 1};
    pl_segment_path(path, &place, &name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) abort();
    close(fd);
}

static void unpack(const struct pl_trace_batch *batch) {
    const char *at = batch->at;
    for (size_t i = 0; i < batch->rows; i++) {
        struct pl_trace row;
        at = pl_trace_unpack(at, &row);
        if (row.error && strlen(row.error) > UINT16_MAX) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static char file[FILE_MOST];
    struct pl_spool *s;
    struct pl_spool_rows rows;
    begin();
    write_file(file, make_file(file, data, n));
    if (pl_spool_adopt(&s, &place)) abort();
    for (int i = 0; s && !pl_spool_next(s, 1024 * 1024, &rows) && (rows.batch.rows || rows.gap.rows); i++) {
        if (i > FILE_MOST) abort();
        unpack(&rows.batch);
        pl_spool_done(s);
    }
    pl_spool_close(s);
    return 0;
}
