/* test_help.c - what is printed from the command table is whole, and the shells can read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "cli/help.h"

static void help_names_every_option(void **state)
{
    (void)state;
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        const struct option_row *row = NULL;
        struct buffer text = { 0 };
        if (!command->summary)
            continue;
        help_command(&text, command);
        assert_int_equal(buffer_check(&text, "help", NULL), 0);
        for (size_t j = 0; (row = command_option(command, j)); j++) {
            char option[64];
            (void)snprintf(option, sizeof option, "--%s", row->name);
            if (!row->help)
                assert_null(strstr(text.data, option)); /* hidden ones stay so */
            else if (!strstr(text.data, option))
                fail_msg("help of %s does not tell %s", command->name, option);
        }
        buffer_clear(&text);
    }
}

static void overview_names_every_command(void **state)
{
    struct buffer text = { 0 };
    (void)state;
    help_overview(&text);
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary && !strstr(text.data, command_table[i]->summary))
            fail_msg("the overview lacks %s", command_table[i]->name);
    assert_null(strstr(text.data, "__complete"));
    buffer_clear(&text);
}

/* Help lines must fit a terminal of 100 columns. */
static void help_lines_are_short(void **state)
{
    (void)state;
    for (size_t i = 0; command_table[i]; i++) {
        struct buffer text = { 0 };
        if (!command_table[i]->summary)
            continue;
        help_command(&text, command_table[i]);
        for (const char *line = text.data; *line;) {
            size_t size = strcspn(line, "\n");
            if (size > 110) /* bytes: dots and dashes of three bytes are among them */
                fail_msg("%s: %.*s", command_table[i]->name, (int)size, line);
            line += size + (line[size] == '\n');
        }
        buffer_clear(&text);
    }
}

static void generates_for_every_shell(void **state)
{
    static const char *const kinds[] = { "bash", "zsh", "fish", "man" };
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct buffer text = { 0 };
        assert_int_equal(help_generate(kinds[i], &text, NULL), 0);
        assert_non_null(strstr(text.data, "detailed"));
        assert_non_null(strstr(text.data, "destroy"));
        assert_null(strstr(text.data, "ready-fd"));
        buffer_clear(&text);
    }
}

static void refuses_an_unknown_shell(void **state)
{
    struct buffer text = { 0 };
    struct error err = { 0 };
    (void)state;
    assert_int_equal(help_generate("csh", &text, &err), ERROR_USAGE);
    buffer_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_option),  cmocka_unit_test(overview_names_every_command),
        cmocka_unit_test(help_lines_are_short),     cmocka_unit_test(generates_for_every_shell),
        cmocka_unit_test(refuses_an_unknown_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
