/* test_command.c - command lines, understood or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "cli/command.h"

#define WORDS_MAX 16

/* Splits at blanks and parses; the words live in `line`. */
static int parse(char *line, struct invocation *out, struct error *err)
{
    char *argv[WORDS_MAX], *next = NULL;
    int argc = 0;
    for (char *word = strtok_r(line, " ", &next); word && argc < WORDS_MAX;
         word = strtok_r(NULL, " ", &next))
        argv[argc++] = word;
    *out = (struct invocation) { 0 };
    /* only the words' own bytes are kept, so argv may go, except behind "--" */
    int rc = invocation_parse(argc, argv, out, err);
    out->rest = NULL;
    return rc;
}

static const struct {
    const char *line, *message; /* what the message must contain */
} refused[] = {
    { "aply x", "did you mean 'apply'" },
    { "frobnicate", "unknown command 'frobnicate'" },
    { "plan x --detailed-exitcod", "did you mean --detailed-exitcode" },
    { "plan x --qqqqqqqq", "unknown option --qqqqqqqq" },
    { "plan x -Q", "unknown option -Q" },
    { "plan", "plan needs RECIPE" },
    { "plan a b", "one argument too many: 'b'" },
    { "plan x --out", "option --out needs a value" },
    { "plan x --detailed-exitcode=yes", "takes no value" },
    { "context usee x", "did you mean 'context use'" },
    { "--as ada init", "init has no option --as" },
    { "list --yes", "unknown option --yes" },
};

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct invocation invocation;
        struct error err = { 0 };
        char line[128];
        text_copy(line, sizeof line, refused[i].line);
        assert_int_equal(parse(line, &invocation, &err), ERROR_USAGE);
        if (!strstr(err.message, refused[i].message))
            fail_msg("'%s' said '%s'", refused[i].line, err.message);
        invocation_clear(&invocation);
    }
}

static void takes_options_in_every_form(void **state)
{
    static const char *const lines[] = {
        "plan fleet.lua --out file -p a=1 -p b=2",
        "plan --out=file -pa=1 fleet.lua -pb=2",
        "plan -ofile --parameter a=1 --parameter=b=2 fleet.lua",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct invocation invocation;
        struct error err = { 0 };
        char line[128];
        text_copy(line, sizeof line, lines[i]);
        assert_int_equal(parse(line, &invocation, &err), 0);
        assert_string_equal(invocation.command->name, "plan");
        assert_int_equal(invocation.argument_count, 1);
        assert_string_equal(invocation.arguments[0], "fleet.lua");
        assert_string_equal(invocation_value(&invocation, "out", NULL), "file");
        assert_string_equal(invocation_value_at(&invocation, "parameter", 0), "a=1");
        assert_string_equal(invocation_value_at(&invocation, "parameter", 1), "b=2");
        assert_null(invocation_value_at(&invocation, "parameter", 2));
        assert_false(invocation_flag(&invocation, "destroy"));
        invocation_clear(&invocation);
    }
}

static void takes_common_options_before_the_command(void **state)
{
    struct invocation invocation;
    struct error err = { 0 };
    char line[] = "--context lab list ds-*";
    (void)state;
    assert_int_equal(parse(line, &invocation, &err), 0);
    assert_string_equal(invocation.command->name, "list");
    assert_string_equal(invocation_value(&invocation, "context", NULL), "lab");
    assert_string_equal(invocation.arguments[0], "ds-*");
    invocation_clear(&invocation);
}

static void finds_commands_of_two_words(void **state)
{
    struct invocation invocation;
    struct error err = { 0 };
    char line[] = "context use lab", bare[] = "context";
    (void)state;
    assert_int_equal(parse(line, &invocation, &err), 0);
    assert_string_equal(invocation.command->name, "context use");
    assert_string_equal(invocation.arguments[0], "lab");
    invocation_clear(&invocation);
    assert_int_equal(parse(bare, &invocation, &err), 0);
    assert_string_equal(invocation.command->name, "context");
    invocation_clear(&invocation);
}

static void keeps_what_stands_behind_two_dashes(void **state)
{
    char *argv[] = { "exec", "ds-ada", "--", "ls", "--json", "-x" };
    struct invocation invocation = { 0 };
    struct error err = { 0 };
    (void)state;
    assert_int_equal(invocation_parse(COUNT(argv), argv, &invocation, &err), 0);
    assert_int_equal(invocation.rest_count, 3);
    assert_string_equal(invocation.rest[0], "ls");
    assert_string_equal(invocation.rest[2], "-x");
    assert_false(invocation_flag(&invocation, "json"));
    invocation_clear(&invocation);
}

static void checks_numbers_and_durations(void **state)
{
    struct invocation invocation;
    struct error err = { 0 };
    long number = -1;
    int64_t seconds = -1;
    char good[] = "apply x --parallel 64", bad[] = "apply x --parallel 1025";
    char idle[] = "serve --idle-exit 10m", never[] = "serve --idle-exit soon";
    (void)state;
    assert_int_equal(parse(good, &invocation, &err), 0);
    assert_int_equal(invocation_number(&invocation, "parallel", 1, 1024, 32, &number, &err), 0);
    assert_int_equal(number, 64);
    invocation_clear(&invocation);
    assert_int_equal(parse(bad, &invocation, &err), 0);
    assert_int_equal(invocation_number(&invocation, "parallel", 1, 1024, 32, &number, &err),
                     ERROR_USAGE);
    assert_int_equal(number, 64); /* left alone */
    invocation_clear(&invocation);
    assert_int_equal(parse(idle, &invocation, &err), 0);
    assert_int_equal(invocation_duration(&invocation, "idle-exit", 0, &seconds, &err), 0);
    assert_int_equal(seconds, 600);
    invocation_clear(&invocation);
    assert_int_equal(parse(never, &invocation, &err), 0);
    assert_int_equal(invocation_duration(&invocation, "idle-exit", 0, &seconds, &err), ERROR_USAGE);
    invocation_clear(&invocation);
}

/* An option must mean one thing within a command, and every shown command must say what it does. */
static void table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        const struct option_row *a = NULL, *b = NULL;
        assert_non_null(command->run);
        assert_non_null(command->arguments);
        assert_ptr_equal(command_find(command->name), command);
        for (size_t j = 0; (a = command_option(command, j)); j++)
            for (size_t k = j + 1; (b = command_option(command, k)); k++)
                if (text_equal(a->name, b->name) || (a->letter && a->letter == b->letter))
                    fail_msg("%s has --%s (-%c) twice", command->name, a->name, a->letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(takes_options_in_every_form),
        cmocka_unit_test(takes_common_options_before_the_command),
        cmocka_unit_test(finds_commands_of_two_words),
        cmocka_unit_test(keeps_what_stands_behind_two_dashes),
        cmocka_unit_test(checks_numbers_and_durations),
        cmocka_unit_test(table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
