// Files appear whole or not at all, and what was not published leaves nothing behind.
#include "tests/unit/dies.h"
#include "tests/unit/unit.h"

#include "pipeline/cli/message.h"
#include "pipeline/files/publish.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int count_files(const char *folder) {
    DIR *d = opendir(folder);
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void assert_content(const char *path, const char *text) {
    char read[64] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    read[fread(read, 1, sizeof read - 1, f)] = 0;
    fclose(f);
    assert_string_equal(read, text);
}

static void test_commit(void **state) {
    (void)state;
    struct publish *p = publish_open("a/b/c/file");
    publish_write(p, "hello world", 11);
    publish_write_at(p, "J", 1, 0);
    assert_int_equal(access("a/b/c/file", F_OK), -1);
    assert_int_equal(count_files("a/b/c"), 1);
    publish_commit(p);
    assert_content("a/b/c/file", "Jello world");
    assert_int_equal(count_files("a/b/c"), 1);
    publish_file("a/b/c/file", "new", 3);
    assert_content("a/b/c/file", "new");
}

static void test_abandon(void **state) {
    (void)state;
    struct publish *p = publish_open("abandoned/file");
    struct publish *other = publish_open("abandoned/file"); // two at once do not touch each other
    publish_write(p, "x", 1);
    publish_write(other, "y", 1);
    publish_abandon(p);
    assert_int_equal(count_files("abandoned"), 1);
    publish_commit(other);
    assert_content("abandoned/file", "y");
    assert_int_equal(count_files("abandoned"), 1);
}

static void leave_by_die(void *argument) {
    publish_write(publish_open("left/one"), "x", 1);
    publish_write(publish_open("left/two"), "x", 1);
    if (argument) raise(*(int *)argument);
    die("this is the end");
}

static void test_leaving(void **state) {
    (void)state;
    char said[256];
    assert_dies(leave_by_die, NULL, "error: this is the end");
    assert_int_equal(count_files("left"), 0);
    int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(child_run(leave_by_die, &signals[i], said, sizeof said), 128 + signals[i]);
        assert_int_equal(count_files("left"), 0);
    }
}

static void fork_and_leave(void *argument) {
    (void)argument;
    struct publish *p = publish_open("forked/file");
    pid_t child = fork();
    if (child == 0) exit(0); // runs the same handlers at exit as its parent will
    waitpid(child, NULL, 0);
    publish_write(p, "kept", 4);
    publish_commit(p);
}

static void test_children_leave_it_alone(void **state) {
    (void)state;
    char said[256];
    assert_int_equal(child_run(fork_and_leave, NULL, said, sizeof said), 0);
    assert_content("forked/file", "kept");
}

static void try_open(void *path) { publish_file(path, "x", 1); }

static void test_refusals(void **state) {
    (void)state;
    char folder[] = "folder", slash[] = "folder/", device[] = "/dev/null", below[] = "plain/below",
         none[] = "";
    publish_make_folder(folder);
    publish_file("plain", "x", 1);
    assert_dies(try_open, folder, "cannot write folder: it is a folder; name a file");
    assert_dies(try_open, slash, "cannot write folder/: it is a folder; name a file");
    assert_dies(try_open, device, "cannot write /dev/null: not a regular file");
    assert_dies(try_open, below, "cannot make the folder plain: a file of that name is there");
    assert_dies(try_open, none, "cannot write a file without a name");
    struct stat s;
    assert_int_equal(stat("/dev/null", &s), 0);
    assert_true(S_ISCHR(s.st_mode));
}

static void test_links_stay_links(void **state) {
    (void)state;
    struct stat s;
    publish_file("links/real", "old", 3);
    assert_int_equal(symlink("real", "links/link"), 0);
    publish_file("links/link", "new", 3);
    assert_int_equal(lstat("links/link", &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_content("links/real", "new");
}

static void try_same(void *paths) { publish_refuse_same(((char **)paths)[0], ((char **)paths)[1]); }

static void assert_same(const char *const paths[2], const char *pattern) {
    char said[512];
    assert_int_equal(child_run(try_same, (void *)paths, said, sizeof said), EXIT_USAGE);
    if (fnmatch(pattern, said, 0) != 0) fail_msg("%s", said);
}

// By whatever names; what is not there, with folders that are not there, counts as what it would become.
static void test_same_outputs(void **state) {
    (void)state;
    publish_file("same/real", "x", 1);
    publish_file("same/other", "x", 1);
    assert_int_equal(symlink("same", "same_link"), 0);
    assert_int_equal(symlink("real", "same/link"), 0);
    assert_int_equal(symlink("nowhere", "same/dangling"), 0);
    static const char *const same[][2] = {
        {"same/real", "same/real"},      {"same/real", "./same//real"},
        {"same/real", "same_link/real"}, {"same/real", "same/link"},
        {"same/new", "same_link/new"},   {"same/a/b/new", "same_link/./a/c/../b/new"},
        {"new", "same/../new"},          {"/nowhere/x", "//nowhere/./x"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_same(same[i], "*the outputs * are the same file*");
    static const char *const manifest[][2] = {{"same/real.manifest.json", "same_link/real"},
                                              {"same/real", "same_link/real.manifest.json"}};
    for (size_t i = 0; i < 2; i++)
        assert_same(manifest[i], "*the output *real.manifest.json is where the manifest of *real goes*");
    static const char *const different[][2] = {
        {"same/real", "same/other"},       {"same/new", "new"}, {"same/new", "same/new2"},
        {"same/dangling", "same/nowhere"}, {"same/real", NULL}, {NULL, "same/real"},
        {"same/real", "same/real.json"}};
    for (size_t i = 0; i < sizeof different / sizeof *different; i++)
        publish_refuse_same(different[i][0], different[i][1]);
}

static void try_full(void *bytes) {
    publish_refuse_full("no/such/file", *(uint64_t *)bytes, "a model", "wait");
}

static void test_room(void **state) {
    (void)state;
    char said[256];
    uint64_t room = publish_room("."), some = 1, all = UINT64_MAX - 1;
    assert_true(room > 0 && room < UINT64_MAX);
    assert_true(publish_room("no/such/folder/at/all") < UINT64_MAX);
    assert_true(publish_room("/no/such/folder") < UINT64_MAX);
    assert_int_equal(child_run(try_full, &some, said, sizeof said), 0);
    assert_dies(try_full, &all, "no/such/file: no room for a model of *: * are free; make room, or wait");
}

static void write_too_much(void *path) {
    struct rlimit limit = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_FSIZE, &limit);
    struct publish *p = publish_open(path);
    char block[4096] = "";
    for (int i = 0; i < 100; i++) publish_write(p, block, sizeof block);
}

static void test_write_errors(void **state) {
    (void)state;
    char path[] = "limited/file";
    assert_dies(write_too_much, path, "cannot write limited/file: File too large");
    assert_int_equal(count_files("limited"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit),       cmocka_unit_test(test_abandon),
        cmocka_unit_test(test_leaving),      cmocka_unit_test(test_children_leave_it_alone),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_links_stay_links),
        cmocka_unit_test(test_write_errors), cmocka_unit_test(test_same_outputs),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
