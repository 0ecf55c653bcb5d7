/* commands.c - the command table, and what runs the command that was meant. */
#include "cli/command.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/access_commands.h"
#include "cli/context.h"
#include "cli/directory_commands.h"
#include "cli/doctor.h"
#include "cli/fleet_commands.h"
#include "cli/help.h"
#include "cli/init.h"
#include "cli/instances.h"
#include "cli/quota_commands.h"
#include "cli/run_command.h"
#include "cli/serve.h"
#include "cli/setup.h"
#include "cli/setup_render.h"

#define PATH_SIZE 4096

/* clang-format off */
const struct command *const command_table[] = {
    &command_init,
    &command_plan,
    &command_apply,
    &command_destroy,
    &command_list,
    &command_show,
    &command_start,
    &command_stop,
    &command_restart,
    &command_delete,
    &command_logs,
    &command_exec,
    &command_can,
    &command_why,
    &command_roles,
    &command_grants,
    &command_grant,
    &command_revoke,
    &command_audit,
    &command_user_list,
    &command_user_create,
    &command_user_delete,
    &command_group_list,
    &command_group_show,
    &command_group_create,
    &command_group_add,
    &command_group_remove,
    &command_group_delete,
    &command_quota,
    &command_quota_set,
    &command_sizes,
    &command_run,
    &command_setup_render,
    &command_setup_lint,
    &command_setup_try,
    &command_setup_diff,
    &command_setup_cache,
    &command_doctor,
    &command_serve,
    &command_context,
    &command_context_list,
    &command_context_show,
    &command_context_use,
    &command_context_set,
    &command_context_remove,
    &command_help,
    &command_complete,
    NULL,
};
/* clang-format on */

/* Our own path, for the children that are this program again. */
static const char *own_path(char *out, size_t out_size, const char *fallback)
{
    ssize_t size = readlink("/proc/self/exe", out, out_size - 1);
    if (size <= 0 || (size_t)size >= out_size - 1)
        return fallback;
    out[size] = '\0';
    return out;
}

static void show_help(const struct invocation *invocation)
{
    struct buffer text = { 0 };
    if (invocation->output->json) {
        output_json(invocation->output, help_json(invocation->command));
        return;
    }
    if (invocation->command)
        help_command(&text, invocation->command);
    else
        help_overview(&text);
    output_print(invocation->output, "%s", text.data ? text.data : "");
    buffer_clear(&text);
}

static int usage_failed(struct invocation *invocation, const struct error *err)
{
    struct buffer text = { 0 };
    output_error(invocation->output, err);
    output_errors(invocation->output);
    if (!invocation->output->json) {
        help_usage(&text, invocation->command);
        output_note(invocation->output, "%s", text.data ? text.data : "");
    }
    buffer_clear(&text);
    return EXIT_USAGE;
}

static int run(struct invocation *invocation, struct error *err)
{
    if (invocation_flag(invocation, "help")) {
        show_help(invocation);
        return EXIT_DONE;
    }
    int rc = invocation->command->run(invocation, err);
    if (rc == ERROR_USAGE)
        return usage_failed(invocation, err);
    if (rc < 0)
        output_error(invocation->output, err);
    output_errors(invocation->output);
    return rc == ERROR_CANCELLED ? EXIT_INTERRUPTED : rc < 0 ? EXIT_FAILED : rc;
}

/* --json counts even in a command line that is not understood. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 0; i < argc && !text_equal(argv[i], "--"); i++)
        if (text_equal(argv[i], "--json"))
            return true;
    return false;
}

static int show_version(bool json)
{
    (void)puts(json ? "{\"version\":\"" MOONFLEET_VERSION "\"}" : "moonfleet " MOONFLEET_VERSION);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int cli_main(int argc, char **argv)
{
    char path[PATH_SIZE];
    struct output output;
    struct error err = { 0 };
    bool json = wants_json(argc, argv);
    if (argc > 1 && (text_equal(argv[1], "--version") || text_equal(argv[1], "-V")))
        return show_version(json);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is seen where we write */
    output_init(&output);
    output.json = json;
    struct invocation invocation = { .output = &output,
                                     .program = own_path(path, sizeof path, argv[0]) };
    int rc = invocation_parse(argc > 0 ? argc - 1 : 0, argv + 1, &invocation, &err);
    int status = EXIT_USAGE;
    if (rc < 0) {
        status = usage_failed(&invocation, &err);
    } else if (!invocation.command) {
        bool asked = invocation_flag(&invocation, "help");
        if (asked) {
            show_help(&invocation);
            status = EXIT_DONE;
        } else {
            (void)error_set(&err, ERROR_USAGE, "no command given");
            status = usage_failed(&invocation, &err);
        }
    } else {
        status = run(&invocation, &err);
    }
    if (output_finish(&output, &err) < 0) {
        output.json = false; /* nothing more can be said on stdout */
        output_error(&output, &err);
        status = EXIT_FAILED;
    }
    invocation_clear(&invocation);
    output_clear(&output);
    return status;
}
