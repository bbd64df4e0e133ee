#include <fcntl.h>
#include <stdlib.h>
#include <store/spool_place.h>
#include <store/spool_record.h>
#include <store/waiting.h>
#include <sys/stat.h>
#include <unistd.h>

struct span {
    int64_t since_us, until_us;
};

static void count_record(struct pl_waiting *w, const struct pl_record *r, const struct span *span) {
    if (r->to_us < span->since_us || r->from_us >= span->until_us) return;
    *(r->gap ? &w->missing : &w->rows) += r->rows;
    if (r->to_us > w->to_us) w->to_us = r->to_us;
}

/* From how far it has been read up to the first head that is not whole, where its writer is. */
static void count_segment(struct pl_waiting *w, int fd, uint64_t number, const struct span *span) {
    struct stat st;
    struct pl_record r;
    char head[PL_RECORD_HEAD];
    size_t size = fstat(fd, &st) ? 0 : (size_t)st.st_size;
    for (size_t at = pl_segment_mark(fd).at; at + sizeof head <= size; at += pl_record_room(&r)) {
        if (pl_segment_read(fd, head, sizeof head, at) || !pl_record_read(&r, head, number)) return;
        count_record(w, &r, span);
    }
}

static void count_all(struct pl_waiting *w, const struct pl_spool_place *p, const struct span *span) {
    struct pl_segment_name *names;
    size_t n;
    if (pl_segment_list(&names, &n, p)) return;
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        if (names[i].other) continue;
        pl_segment_path(path, p, &names[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        count_segment(w, fd, names[i].number, span);
        close(fd);
    }
    free(names);
}

void pl_waiting_count(struct pl_waiting *w, const char *url, const char *spool, int64_t since_us, int64_t until_us) {
    struct pl_spool_place p;
    *w = (struct pl_waiting){0};
    if (pl_spool_place_find(&p, url, spool)) return;
    w->folder = (char *)p.folder;
    count_all(w, &p, &(struct span){since_us, until_us});
}

void pl_waiting_free(struct pl_waiting *w) {
    free(w->folder);
    *w = (struct pl_waiting){0};
}
