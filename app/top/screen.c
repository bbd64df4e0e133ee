/* The terminal: one thread reads the processes, this one draws and hears the keys. */
#include <base/clock.h>
#include <base/why.h>
#include <ncurses.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <time.h>
#include <top/state.h>
#include <unistd.h>

enum { PAGE_MAX = 1 << 20, RED = 1 };

struct screen {
    struct top *top;
    pthread_t thread;
    pthread_mutex_t lock;
    json_t *next;     /* the latest view, until it is taken; under the lock */
    pouch_err failed; /* the same */

    json_t *view; /* what is shown; NULL: nothing yet */
    struct pl_buf page;
    enum top_order order;
    bool paused, quit, colour;
    int first; /* line of the page at the top */
};

static const char *const orders[] = {[TOP_BY_RATE] = "rate", [TOP_BY_FAILED] = "failures", [TOP_BY_NAME] = "name"};

static void hand_over(struct screen *s, json_t *view, pouch_err e) {
    pthread_mutex_lock(&s->lock);
    json_decref(s->next);
    s->next = view;
    s->failed = e;
    pthread_mutex_unlock(&s->lock);
    pl_wake_signal(&s->top->news);
}

static void *read_on(void *arg) {
    struct screen *s = arg;
    json_t *view;
    pouch_err e;
    while (!(e = top_next(s->top, &view))) hand_over(s, view, e);
    hand_over(s, NULL, e);
    return NULL;
}

/* While it is paused the latest waits. */
static pouch_err take(struct screen *s) {
    pthread_mutex_lock(&s->lock);
    json_t *next = s->paused ? NULL : s->next;
    if (next) s->next = NULL;
    pouch_err e = s->failed;
    pthread_mutex_unlock(&s->lock);
    if (next) {
        json_decref(s->view);
        s->view = next;
    }
    return e ? pl_fail(e, "the processes cannot be read any more: stopped, or out of memory") : POUCH_OK;
}

static void draw_head(const struct screen *s) {
    char text[256], when[16] = "";
    time_t at = (time_t)(json_integer_value(json_object_get(s->view, "at_ms")) / 1000);
    struct tm tm;
    if (s->view && localtime_r(&at, &tm)) strftime(when, sizeof when, "%H:%M:%S", &tm);
    snprintf(text, sizeof text, "pouch top  %s  %zu processes  by %s%s   q quit  p pause  s sort  arrows scroll", when,
             s->top->n, orders[s->order], s->paused ? "  PAUSED" : "");
    attrset((int)A_BOLD);
    mvaddnstr(0, 0, text, COLS);
}

static attr_t attributes(const struct screen *s, char style) {
    if (style == TOP_HEADING) return A_REVERSE;
    if (style == TOP_BAD) return A_BOLD | (s->colour ? (attr_t)COLOR_PAIR(RED) : 0);
    return A_NORMAL;
}

static int count_lines(const struct pl_buf *page) {
    int n = 0;
    for (size_t i = 0; i < page->len; i++) n += page->at[i] == '\n';
    return n;
}

static void keep_in_sight(struct screen *s) {
    int most = count_lines(&s->page) - (LINES - 2);
    if (s->first > most) s->first = most;
    if (s->first < 0) s->first = 0;
}

static void draw_page(struct screen *s) {
    int number = 0;
    keep_in_sight(s);
    for (const char *at = s->page.at, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        int row = 2 + number++ - s->first, n = (int)(end - at) - 1;
        if (row < 2 || row >= LINES) continue;
        attrset((int)attributes(s, *at));
        mvaddnstr(row, 0, at + 1, n < COLS ? n : COLS);
    }
}

static pouch_err draw(struct screen *s) {
    pouch_err e = POUCH_OK;
    erase();
    draw_head(s);
    if (s->view) {
        top_sort(s->view, s->order);
        e = top_page(&s->page, s->view);
    }
    if (!e) draw_page(s);
    refresh();
    return e;
}

static void key(struct screen *s, int c) {
    switch (c) {
    case 'q': s->quit = true; break;
    case 'p':
    case ' ': s->paused = !s->paused; break;
    case 's': s->order = (enum top_order)((s->order + 1) % TOP_ORDERS); break;
    case KEY_DOWN: s->first++; break;
    case KEY_UP: s->first--; break;
    case KEY_NPAGE: s->first += LINES / 2; break;
    case KEY_PPAGE: s->first -= LINES / 2; break;
    case KEY_HOME: s->first = 0; break;
    case KEY_RESIZE: clearok(stdscr, TRUE); break; /* what the terminal made of the old lines is not known */
    default: break;
    }
}

/* Until a key was pressed, the size has changed or there is a new view. */
static void wait_for_change(struct screen *s) {
    struct pollfd what[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = s->top->news.fd, .events = POLLIN}};
    poll(what, 2, -1);
    pl_wake_clear(&s->top->news);
    if (what[0].revents & (POLLHUP | POLLERR)) s->quit = true; /* the terminal is gone */
    for (int c; (c = getch()) != ERR;) key(s, c);
}

static pouch_err show(struct screen *s) {
    pouch_err e = POUCH_OK;
    while (!e && !s->quit && !atomic_load(&s->top->stopping)) {
        e = draw(s);
        if (!e) wait_for_change(s);
        if (!e) e = take(s);
    }
    return e == POUCH_E_CLOSED ? POUCH_OK : e;
}

static pouch_err open_terminal(struct screen *s, SCREEN **terminal) {
    const char *no_colour = getenv("NO_COLOR");
    int unknown;
    bool known =
        setupterm(NULL, STDOUT_FILENO, &unknown) == OK; /* which newterm() does, too, and leaks when it fails */
    if (known) del_curterm(cur_term);
    *terminal = known ? newterm(NULL, stdout, stdin) : NULL;
    if (!*terminal)
        return pl_fail(POUCH_E_CONFIG, "nothing can be drawn on a terminal of type '%s' (TERM); -o jsonl needs none",
                       getenv("TERM") ? getenv("TERM") : "");
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    s->colour = has_colors() && !(no_colour && *no_colour) && start_color() == OK && use_default_colors() == OK &&
                init_pair(RED, COLOR_RED, -1) == OK;
    return POUCH_OK;
}

static pouch_err watch(struct screen *s) {
    SCREEN *terminal;
    pouch_err e = open_terminal(s, &terminal);
    if (e) return e;
    bool reads = !pthread_create(&s->thread, NULL, read_on, s);
    e = reads ? show(s) : pl_fail(POUCH_E_OVERLOADED, "no thread can be had");
    top_stop(s->top);
    /* Before the last reading has ended, since a second Ctrl-C, which may come first, ends the program at once. */
    endwin();
    delscreen(terminal);
    if (reads) pthread_join(s->thread, NULL);
    return e;
}

pouch_err top_watch(struct top *t) {
    struct screen s = {.top = t};
    if (pthread_mutex_init(&s.lock, NULL)) return pl_fail(POUCH_E_OVERLOADED, "no lock can be had");
    pl_buf_init(&s.page, PAGE_MAX);
    pouch_err e = watch(&s);
    pl_buf_free(&s.page);
    json_decref(s.view);
    json_decref(s.next);
    pthread_mutex_destroy(&s.lock);
    return e;
}
