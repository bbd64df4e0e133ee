/* A password in a URL is not shown, and all else is. */
#include <support.h>

#include <ops/veil.h>

static const struct {
    const char *text, *shown;
} rows[] = {
    {"", ""},
    {"host:9092,other:9093", "host:9092,other:9093"},
    {"sqlite:///var/lib/pouch", "sqlite:///var/lib/pouch"},
    {"cassandra://h1,h2:9042/ks?dc=a&password_file=/etc/p", "cassandra://h1,h2:9042/ks?dc=a&password_file=/etc/p"},
    {"cassandra://user@host/ks", "cassandra://user@host/ks"},
    {"cassandra://user:hush@host/ks", "cassandra://user:***@host/ks"},
    {"redis://:hush@host:6379/0", "redis://:***@host:6379/0"},
    {"http://u:@host", "http://u:***@host"},
    {"http://u:hu/s@h@host", "http://u:***@host"},
    {"http://u:a@h1,http://v:b@h2/x", "http://u:***@h1,http://v:***@h2/x"},
    {"cassandra://h/ks?user=u&password=hush&dc=a", "cassandra://h/ks?user=u&password=***&dc=a"},
    {"http://h/?SSLPassword=hush#top", "http://h/?SSLPassword=***#top"},
    {"http://h/?token=&x=1", "http://h/?token=***&x=1"},
    {"http://u:hush@h/?pwd=hush", "http://u:***@h/?pwd=***"},
    {"password=shown?secret=shown", "password=shown?secret=shown"},
    {"http://h/?password", "http://h/?password"},
};

static void only_passwords_are_hidden(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_buf out;
        pl_buf_init(&out, 1000);
        assert_int_equal(ops_veil(&out, rows[i].text), POUCH_OK);
        assert_string_equal(out.at ? out.at : "", rows[i].shown);
        pl_buf_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_passwords_are_hidden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
