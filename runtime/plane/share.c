/* share.c - the workspace's file share: is a script there?  Moonfleet's own; for the plan's checks.
 *
 * Instances write there: nothing is opened by way of a link that leads out of it. */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "model/rules.h"
#include "plane/plane_private.h"

char *share_folder(const struct plane *plane, const char *workspace)
{
    return plane->data_folder ? text_format("%s/shares/%s", plane->data_folder, workspace) : NULL;
}

int share_read(const struct plane *plane, const char *workspace, const char *path,
               struct buffer *out, struct error *err)
{
    char *folder = share_folder(plane, workspace);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    int rc = fd < 0 ? error_set(err, ERROR_NOT_FOUND, "the workspace has no file share")
                    : file_read_beneath(fd, path, SCRIPT_SIZE_MAX, out, err);
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return rc;
}

static void answer_script(struct call *call, const struct workspace *workspace, const char *path)
{
    struct error err = { 0 };
    struct buffer text = { 0 };
    cJSON *answer = cJSON_CreateObject();
    int rc = share_read(call->plane, workspace->name, path, &text, &err);
    (void)cJSON_AddStringToObject(answer, "path", path);
    (void)cJSON_AddBoolToObject(answer, "exists", rc != ERROR_NOT_FOUND);
    (void)cJSON_AddBoolToObject(answer, "readable", rc == 0);
    if (rc == 0)
        (void)cJSON_AddNumberToObject(answer, "size", (double)text.size);
    else
        (void)cJSON_AddStringToObject(answer, "message", err.message);
    answer_json(call, 200, answer);
    buffer_clear(&text);
}

void share_script(struct call *call)
{
    struct error err = { 0 };
    struct workspace workspace = { 0 };
    const char *rule = "there is none";
    char *path = http_query_get(call->query, "path");
    int rc = workspace_load(call->plane, &call->params, &workspace, &err);
    if (rc == ERROR_NOT_FOUND)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
    else if (!path || !share_path_valid(path, &rule))
        answer_error(call, 400, "BadRequest", "path", "The path is not that of a script: %s.",
                     rule);
    else
        answer_script(call, &workspace, path);
    workspace_clear(&workspace);
    free(path);
}
