#include <support.h>

#include <base/folder.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void the_state_folder_is_the_users(void **state) {
    (void)state;
    char *path;
    setenv("XDG_STATE_HOME", "/somewhere/state", 1);
    assert_int_equal(pl_folder_state(&path), POUCH_OK);
    assert_string_equal(path, "/somewhere/state/pouch");
    free(path);
    setenv("XDG_STATE_HOME", "relative", 1); /* does not count, as the XDG specification says */
    setenv("HOME", "/tmp", 1);
    assert_int_equal(pl_folder_state(&path), POUCH_OK);
    assert_string_equal(path, "/tmp/.local/state/pouch");
    free(path);
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", "/nonexistent", 1);
    pouch_err e = pl_folder_state(&path);
    if (e) { /* else /var/lib/pouch is there */
        assert_int_equal(e, POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "XDG_STATE_HOME"));
    } else {
        assert_string_equal(path, "/var/lib/pouch");
        free(path);
    }
}

static void folders_are_made_for_their_owner(void **state) {
    (void)state;
    char base[] = "/tmp/pouch-test-folder-XXXXXX", file[96], under[128];
    struct stat st;
    assert_non_null(mkdtemp(base));
    snprintf(file, sizeof file, "%s/a/b/file", base);
    assert_int_equal(pl_folder_of(file), POUCH_OK);
    assert_int_equal(pl_folder_of(file), POUCH_OK); /* it is there */
    assert_int_not_equal(stat(file, &st), 0);
    *strrchr(file, '/') = '\0';
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(rmdir(file), 0);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fclose(f);
    snprintf(under, sizeof under, "%s/c/file", file);
    assert_int_equal(pl_folder_of(under), POUCH_E_CONFIG); /* a file stands in the way */
    assert_non_null(strstr(pouch_why(), file));
    unlink(file);
    *strrchr(file, '/') = '\0';
    rmdir(file);
    rmdir(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_folder_is_the_users),
        cmocka_unit_test(folders_are_made_for_their_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
