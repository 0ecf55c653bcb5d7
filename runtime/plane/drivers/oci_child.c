/* oci_child.c - the steps of a call that are child processes: the runtime's commands and our own. */
#include "plane/drivers/oci_private.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"

#define ARGS_MAX 40
#define WORDS_MAX ((size_t)1200) /* bytes of what a child said, of which the last line is told */

/* The last line of what the runtime or a child of ours said. */
void oci_child_last_words(const struct machine *machine, struct error *err, const char *doing)
{
    struct buffer text = { 0 };
    char *bundle = file_join(machine->folder, "bundle");
    if (!bundle || oci_files_tail(bundle, "runtime.log", WORDS_MAX, &text, NULL) < 0)
        buffer_reset(&text);
    while (text.size > 0 && text.data[text.size - 1] == '\n')
        text.data[--text.size] = '\0';
    const char *line = text.data ? strrchr(text.data, '\n') : NULL;
    line = line ? line + 1 : text.data;
    (void)error_set(err, ERROR_IO, "%s: %s", doing,
                    line && *line ? line : "it failed without a word");
    buffer_clear(&text);
    free(bundle);
}

/* Starts a child whose words go to the bundle's runtime.log: not to a pipe, which a container would
 * hold. */
static int start_child(struct machine *machine, enum child_kind kind, const cJSON *command,
                       struct error *err)
{
    const char *argv[ARGS_MAX] = { 0 };
    const cJSON *word = NULL;
    size_t count = 0;
    cJSON_ArrayForEach(word, command)
    {
        if (count + 1 < COUNT(argv))
            argv[count++] = word->valuestring;
    }
    char *path = file_join(machine->folder, "bundle/runtime.log");
    int output =
        path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    const struct process_options options = {
        .argv = argv, .stdin_fd = -1, .output_fd = output, .new_session = true
    };
    int rc = count > 0 ? process_start(machine->oci->loop, &options, oci_on_child, machine,
                                       &machine->child, err)
                       : error_set(err, ERROR_NO_MEMORY, "no memory for a command");
    if (rc == 0)
        machine->child_kind = kind;
    if (output >= 0)
        (void)close(output);
    free(path);
    return rc;
}

char *oci_child_name(const char *id)
{
    return text_format("moonfleet-%s", id);
}

/* `runtime --root ROOT <words...>` */
int oci_child_runtime(struct machine *machine, enum child_kind kind, const char *const *words,
                      size_t count, struct error *err)
{
    cJSON *command = oci_host_command(machine->oci->host, machine->oci->root);
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString(words[i] ? words[i] : ""));
    int rc = start_child(machine, kind, command, err);
    cJSON_Delete(command);
    return rc;
}

/* Does the runtime still know a container of that name? */
bool oci_child_remains(const struct machine *machine)
{
    char *path = text_format("%s/moonfleet-%s", machine->oci->root, machine->id);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

int oci_child_clean(struct machine *machine, struct error *err)
{
    char *name = oci_child_name(machine->id);
    const char *const words[] = { "delete", "-f", name };
    int rc = oci_child_runtime(machine, CHILD_CLEAN, words, COUNT(words), err);
    free(name);
    return rc;
}

/* Our own program as a child: `__init <words...>` */
int oci_child_own(struct machine *machine, enum child_kind kind, const char *const *words,
                  size_t count, struct error *err)
{
    cJSON *command = cJSON_CreateArray();
    (void)cJSON_AddItemToArray(command, cJSON_CreateString(machine->oci->program));
    (void)cJSON_AddItemToArray(command, cJSON_CreateString("__init"));
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString(words[i] ? words[i] : ""));
    int rc = start_child(machine, kind, command, err);
    cJSON_Delete(command);
    return rc;
}
