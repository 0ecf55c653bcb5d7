/* test_layer.c - a layer that was made, and what makes it none: no container is needed for that. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_layer.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define ID "one"

/* A driver's folder with the layer KEY in it. */
struct house {
    char folder[64];
    char *layer;
};

static void put(const char *folder, const char *name, const char *text)
{
    char *path = file_join(folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(file_make_dirs(path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
    free(path);
}

static void make_layer(const struct house *house)
{
    char *instance = file_join(house->folder, ID);
    char *words[] = { (char *)(uintptr_t)house->folder, (char *)(uintptr_t)ID };
    put(instance, "upper/opt/made", "made");
    put(instance, "upper/etc/motd", "hello");
    put(instance, "rootfs/home/azureuser/made", "home");
    put(instance, "rootfs/tmp/left", "");
    put(instance, "prepared.json", "{\"uid\":1,\"gid\":1}");
    put(instance, "run/creation.json", "{\"exitStatus\":0,\"seconds\":2.5}");
    assert_int_equal(oci_layer_begin(house->folder, ID, KEY, "ds-one", NULL), 0);
    assert_false(file_exists(instance));
    assert_int_equal(oci_layer_main(2, words), 0);
    free(instance);
}

static bool there(const struct house *house)
{
    cJSON *about = oci_layer_find(house->folder, KEY, true);
    bool found = about;
    if (found)
        assert_string_equal(json_string(about, "instance", ""), "ds-one");
    cJSON_Delete(about);
    return found;
}

static int setup(void **state)
{
    static struct house house;
    (void)text_copy(house.folder, sizeof house.folder, "/tmp/moonfleet-layer-XXXXXX");
    assert_non_null(mkdtemp(house.folder));
    house.layer = text_format("%s/" OCI_LAYERS_FOLDER "/" KEY, house.folder);
    make_layer(&house);
    *state = &house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;
    assert_int_equal(file_remove_tree(house->folder, NULL), 0);
    free(house->layer);
    return 0;
}

static void is_found_as_it_was_left(void **state)
{
    const struct house *house = *state;
    char *path = file_join(house->layer, "rootfs/tmp");
    assert_true(there(house));
    assert_true(there(house)); /* a look changes nothing */
    assert_false(file_exists(path));
    assert_null(oci_layer_find(house->folder, "fedcba9876543210fedcba9876543210", true));
    free(path);
}

/* ---- damage ---- */

static void lose(const char *layer, const char *name)
{
    char *path = file_join(layer, name);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    free(path);
}

static void lose_a_folder(const char *layer)
{
    lose(layer, "upper/opt");
}

static void lose_its_description(const char *layer)
{
    lose(layer, "layer.json");
}

static void spoil_its_description(const char *layer)
{
    put(layer, "layer.json", "{");
}

static void lose_its_identity(const char *layer)
{
    lose(layer, "prepared.json");
}

static void shorten_a_file(const char *layer)
{
    char *path = file_join(layer, "upper/opt/made");
    assert_int_equal(truncate(path, 2), 0);
    free(path);
}

/* As many bytes, written in place, and the time of modification as before. */
static void change_a_file_in_secret(const char *layer)
{
    struct stat st;
    char *path = file_join(layer, "upper/opt/made");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    const struct timespec times[] = { st.st_atim, st.st_mtim };
    assert_int_equal(write(fd, "mode", 4), 4);
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
    free(path);
}

static void open_a_file_to_all(const char *layer)
{
    char *path = file_join(layer, "rootfs/home/azureuser/made");
    assert_int_equal(chmod(path, 0777), 0);
    free(path);
}

static void add_a_file(const char *layer)
{
    put(layer, "upper/opt/more", "");
}

static void replace_a_file_by_a_link(const char *layer)
{
    char *path = file_join(layer, "upper/opt/made");
    lose(layer, "upper/opt/made");
    assert_int_equal(symlink("/etc/hostname", path), 0);
    free(path);
}

static void replace_a_folder_by_a_link(const char *layer)
{
    char *path = file_join(layer, "upper/opt");
    char *other = file_join(layer, "other");
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    free(other);
    free(path);
}

static void is_none_when_damaged_and_makes_way(void **state)
{
    static void (*const damages[])(const char *) = {
        lose_a_folder,
        lose_its_description,
        spoil_its_description,
        lose_its_identity,
        shorten_a_file,
        change_a_file_in_secret,
        open_a_file_to_all,
        add_a_file,
        replace_a_file_by_a_link,
        replace_a_folder_by_a_link,
    };
    const struct house *house = *state;
    for (size_t i = 0; i < COUNT(damages); i++) {
        damages[i](house->layer);
        if (there(house))
            fail_msg("damage %zu is not seen", i);
        make_layer(house);
        assert_true(there(house));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_found_as_it_was_left, setup, teardown),
        cmocka_unit_test_setup_teardown(is_none_when_damaged_and_makes_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
