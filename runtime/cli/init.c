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
#include "cli/describe.h"
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

/* What is to be written where. */
struct starter {
    const char *folder;
    struct buffer schema;              /* the annotations that the schema makes */
    struct embedded_file generated[2]; /* of it, and the end */
    cJSON *written;                    /* names */
};

typedef int file_fn(struct starter *starter, const char *path, const char *name,
                    const struct embedded_file *file, struct error *err);

/* Calls `fn` for every file that is to be written; stops at the first failure. */
static int each_file(struct starter *starter, file_fn *fn, struct error *err)
{
    const struct embedded_file *const tables[] = { embedded_starter, embedded_lua,
                                                   starter->generated };
    for (size_t i = 0; i < COUNT(tables); i++) {
        for (const struct embedded_file *file = tables[i]; file->name; file++) {
            char name[256];
            if (!place_of(file, name, sizeof name))
                continue;
            char *path = file_join(starter->folder, name);
            int rc = path ? fn(starter, path, name, file, err)
                          : error_set(err, ERROR_NO_MEMORY, "no memory");
            free(path);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int refuse_existing(struct starter *starter, const char *path, const char *name,
                           const struct embedded_file *file, struct error *err)
{
    struct stat info;
    (void)starter, (void)name, (void)file;
    if (lstat(path, &info) == 0)
        return error_set(err, ERROR_CONFLICT, "%s is there already: nothing was written", path);
    return 0;
}

static int write_one(struct starter *starter, const char *path, const char *name,
                     const struct embedded_file *file, struct error *err)
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
        cJSON_AddItemToArray(starter->written, cJSON_CreateString(name));
    return rc;
}

/* Lets nothing be written when one of the files is there already. */
static int write_all(struct starter *starter, struct error *err)
{
    int rc = 0;
    if (file_exists(starter->folder) && !file_is_dir(starter->folder))
        rc = error_set(err, ERROR_CONFLICT, "%s is not a folder", starter->folder);
    if (rc == 0)
        rc = each_file(starter, refuse_existing, err);
    if (rc == 0)
        rc = file_make_dirs(starter->folder, 0777, err);
    return rc < 0 ? rc : each_file(starter, write_one, err);
}

static void tell(struct invocation *invocation, struct starter *starter)
{
    const cJSON *file = NULL;
    char safe[OUTPUT_SAFE_SIZE];
    if (invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddStringToObject(document, "folder", starter->folder);
        cJSON_AddItemToObject(document, "files", starter->written);
        starter->written = NULL;
        output_json(invocation->output, document);
        return;
    }
    cJSON_ArrayForEach(file, starter->written)
        output_print(invocation->output, "wrote %s\n", file->valuestring);
    output_note(invocation->output, "\nNow: moonfleet plan %s/fleet.lua\n",
                output_safe(safe, sizeof safe, starter->folder));
}

static int run_init(struct invocation *invocation, struct error *err)
{
    struct starter starter = {
        .folder = invocation->argument_count > 0 ? invocation->arguments[0] : ".",
        .written = cJSON_CreateArray(),
    };
    describe_annotations(&starter.schema);
    int rc = buffer_check(&starter.schema, "the annotations", err);
    starter.generated[0] =
        (struct embedded_file) { META "schema.lua", starter.schema.data, starter.schema.size };
    if (rc == 0)
        rc = write_all(&starter, err);
    if (rc == 0)
        tell(invocation, &starter);
    cJSON_Delete(starter.written);
    buffer_clear(&starter.schema);
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
