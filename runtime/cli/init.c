/* init.c - `moonfleet init`: writes the starter recipe that the binary carries. */
#include "cli/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "script/embedded.h"

/* From recipes/starter/, by the build. */
extern const struct embedded_file embedded_starter[];

#define STARTER "recipes/starter/"
#define META "lua/meta/"
#define EDITOR_FOLDER ".moonfleet/meta/" /* where .luarc.json looks for the annotations */

/* Where a file of the binary goes in the new folder; NULL: nowhere.  In `out`. */
static const char *place_of(const struct embedded_file *file, char *out, size_t out_size)
{
    if (text_starts(file->name, STARTER))
        (void)snprintf(out, out_size, "%s", file->name + strlen(STARTER));
    else if (text_starts(file->name, META))
        (void)snprintf(out, out_size, EDITOR_FOLDER "%s", file->name + strlen(META));
    else
        return NULL;
    return out;
}

/* Calls `fn` for every file that is to be written; stops at the first failure. */
static int each_file(const char *folder,
                     int (*fn)(const char *path, const char *name, const struct embedded_file *file,
                               void *arg, struct error *err),
                     void *arg, struct error *err)
{
    const struct embedded_file *const tables[] = { embedded_starter, embedded_lua };
    for (size_t i = 0; i < COUNT(tables); i++) {
        for (const struct embedded_file *file = tables[i]; file->name; file++) {
            char name[256];
            if (!place_of(file, name, sizeof name))
                continue;
            char *path = file_join(folder, name);
            int rc = path ? fn(path, name, file, arg, err)
                          : error_set(err, ERROR_NO_MEMORY, "no memory");
            free(path);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int refuse_existing(const char *path, const char *name, const struct embedded_file *file,
                           void *arg, struct error *err)
{
    struct stat info;
    (void)file, (void)arg, (void)name;
    if (lstat(path, &info) == 0)
        return error_set(err, ERROR_CONFLICT, "%s is there already: nothing was written", path);
    return 0;
}

static int write_one(const char *path, const char *name, const struct embedded_file *file,
                     void *arg, struct error *err)
{
    char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    int rc = folder ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (slash && slash > folder) {
        *slash = '\0';
        rc = file_make_dirs(folder, 0777, err);
    }
    free(folder);
    if (rc < 0)
        return rc;
    /* O_EXCL: what appeared since we looked is not overwritten either */
    int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, text_ends(name, ".sh") ? 0777 : 0666);
    if (fd < 0)
        return error_system(err, errno, "writing %s", path);
    size_t done = 0;
    while (rc == 0 && done < file->size) {
        ssize_t size = write(fd, file->data + done, file->size - done);
        if (size < 0 && errno != EINTR)
            rc = error_system(err, errno, "writing %s", path);
        done += size > 0 ? (size_t)size : 0;
    }
    if (close(fd) != 0 && rc == 0)
        rc = error_system(err, errno, "writing %s", path);
    if (rc == 0)
        cJSON_AddItemToArray(arg, cJSON_CreateString(name));
    return rc;
}

static int run_init(struct invocation *invocation, struct error *err)
{
    const char *folder = invocation->argument_count > 0 ? invocation->arguments[0] : ".";
    cJSON *files = cJSON_CreateArray();
    int rc = 0;
    if (file_exists(folder) && !file_is_dir(folder))
        rc = error_set(err, ERROR_CONFLICT, "%s is not a folder", folder);
    if (rc == 0)
        rc = each_file(folder, refuse_existing, NULL, err);
    if (rc == 0)
        rc = file_make_dirs(folder, 0777, err);
    if (rc == 0)
        rc = each_file(folder, write_one, files, err);
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddStringToObject(document, "folder", folder);
        cJSON_AddItemToObject(document, "files", files);
        output_json(invocation->output, document);
        return EXIT_DONE;
    }
    if (rc == 0) {
        const cJSON *file = NULL;
        char safe[OUTPUT_SAFE_SIZE];
        cJSON_ArrayForEach(file, files)
            output_print(invocation->output, "wrote %s\n", file->valuestring);
        output_note(invocation->output, "\nNow: moonfleet plan %s/fleet.lua\n",
                    output_safe(safe, sizeof safe, folder));
    }
    cJSON_Delete(files);
    return rc;
}

const struct command command_init = {
    .name = "init",
    .arguments = "[DIR]",
    .arguments_max = 1,
    .summary = "write a starter recipe with a setup script",
    .details =
        "Writes fleet.lua, people.csv, setup/tools.sh, and what editors need to complete and\n"
        "check recipes. A file that is already there is never overwritten: init then writes\n"
        "nothing.",
    .examples = "moonfleet init my-fleet\n"
                "moonfleet init\there",
    .completes = COMPLETES_FOLDER,
    .run = run_init,
};
