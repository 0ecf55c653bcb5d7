/* instance_inside.c - exec: a command inside an instance. */
#include "cli/instances.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "model/schema.h"

/* Asks the plane which command line does it. */
static int ask_exec(struct invocation *invocation, bool terminal, cJSON **out, struct error *err)
{
    struct session *session = NULL;
    struct workspace_ref workspace;
    struct computes_request request = { 0 };
    cJSON *reply = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0 && session_context(session)->kind == PLANE_URL)
        rc = error_set(err, ERROR_INVALID, "exec works on planes of this machine only");
    if (rc == 0)
        rc = session_workspace(session, &workspace, err);
    if (rc == 0)
        rc = computes_exec(&request, &workspace, invocation->arguments[0], invocation->rest,
                           terminal, err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request.arm, &reply, err);
    computes_request_clear(&request);
    if (rc == 0) {
        *out = cJSON_DetachItemFromObjectCaseSensitive(reply, "argv");
        if (!cJSON_IsArray(*out) || cJSON_GetArraySize(*out) == 0)
            rc = error_set(err, ERROR_REMOTE, "the plane does not say how to run a command there");
    }
    cJSON_Delete(reply);
    session_free(session);
    return rc;
}

/* Becomes the command: its terminal, its signals and its exit status are the real ones. */
static int become(const cJSON *argv_json, struct error *err)
{
    size_t count = (size_t)cJSON_GetArraySize(argv_json), i = 0; /* at least one: ask_exec() */
    char **argv = calloc(count + 1, sizeof *argv);
    const cJSON *item = NULL;
    if (!argv)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(item, argv_json)
    {
        if (!cJSON_IsString(item)) {
            free(argv);
            return error_set(err, ERROR_REMOTE, "the plane's command line is malformed");
        }
        argv[i++] = item->valuestring;
    }
    (void)fflush(stdout);
    (void)signal(SIGPIPE, SIG_DFL);
    if (argv[0])
        (void)execvp(argv[0], argv);
    int rc = error_system(err, errno, "running %s", argv[0] ? argv[0] : "nothing");
    free(argv);
    return rc;
}

static int run_exec(struct invocation *invocation, struct error *err)
{
    cJSON *argv = NULL;
    bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    if (invocation->rest_count == 0)
        return error_set(err, ERROR_USAGE, "exec needs a command behind '--': exec NAME -- CMD…");
    int rc = ask_exec(invocation, terminal, &argv, err);
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddItemToObject(document, "argv", argv);
        output_json(invocation->output, document);
        return EXIT_DONE;
    }
    if (rc == 0)
        rc = become(argv, err);
    cJSON_Delete(argv);
    return rc;
}

/* ---- rows ---- */

const struct command command_exec = {
    .name = "exec",
    .arguments = "NAME -- CMD…",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "run a command inside a running instance",
    .details =
        "The command runs as root there; its exit status becomes this one's. On planes of this\n"
        "machine only. --json prints the command line that would do it, and does not run it:\n"
        "{\"argv\":[…]}.",
    .examples = "moonfleet exec ds-ada -- sh -c 'id -u; hostname'\n"
                "moonfleet exec ds-ada -- bash\ta shell",
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_exec,
};
