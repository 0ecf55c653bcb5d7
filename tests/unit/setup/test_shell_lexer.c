/* test_shell_lexer.c - a value in each place of a script: how it is quoted, and where it is refused.
 *
 * What the shell makes of it is proved by test_template_property.c; here stand the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"
#include "setup/shell_lexer.h"

/* Each '@' of the script is the value, each '%' a list of it and "x". */
static int write_script(const char *text, const char *value, struct buffer *out, struct error *err)
{
    struct shell_lexer *lexer = shell_lexer_new(SHELL_UNKNOWN);
    const char *digits = value[0] == '-' ? value + 1 : value;
    bool integer = *digits && !digits[strspn(digits, "0123456789")];
    struct shell_word words[2] = { { value, strlen(value), integer }, { "x", 1, false } };
    int rc = lexer ? 0 : ERROR_NO_MEMORY;
    for (; *text && rc == 0; text++) {
        if (*text == '@' || *text == '%') {
            rc = shell_lexer_value(lexer, words, *text == '%' ? 2 : 1, *text == '%', out, err);
        } else {
            buffer_char(out, *text);
            rc = shell_lexer_literal(lexer, text, 1, err);
        }
    }
    if (rc == 0)
        rc = shell_lexer_finish(lexer, err);
    shell_lexer_free(lexer);
    return rc;
}

#define BASH "#!/bin/bash\n"
#define SH "#!/usr/bin/env -S sh -e\n"

static const struct {
    const char *text, *value, *expected;
} quoted[] = {
    { "echo @", "plain", "echo plain" },
    { "echo @", "", "echo ''" },
    { "echo @", "it's", "echo 'it'\\''s'" },
    { "echo @", "~root", "echo '~root'" },
    { "echo @", "a=b", "echo 'a=b'" },
    { "echo @", "done", "echo 'done'" },
    { "@ x", "if", "'if' x" },
    { "echo a@b", "plain", "echo a'plain'b" },
    { "echo $x@", "y", "echo $x'y'" },
    { "echo %;", "a b", "echo 'a b' x;" },
    { "for i in %; do", "a", "for i in a x; do" },
    { "echo \"@\"", "$x \"`\\'", "echo \"\\$x \\\"\\`\\\\'\"" },
    { "echo '@'", "it's", "echo 'it'\\''s'" },
    { BASH "echo $'@'", "it's\\", BASH "echo $'it\\'s\\\\'" },
    { "echo \"$(echo @)\"", "$x", "echo \"$(echo '$x')\"" },
    { "echo `echo @`", "$x", "echo `echo '\\$x'`" },
    { "echo `echo \\`echo @\\``", "$", "echo `echo \\`echo '\\\\\\$'\\``" },
    { "echo $((1+@))", "-5", "echo $((1+(-5)))" },
    { BASH "((x=@))", "-9223372036854775808", BASH "((x=(-9223372036854775807-1)))" },
    { "echo ${x:-@}", "a}", "echo ${x:-'a}'}" },
    { BASH "echo \"${x:-@}\"", "a}", BASH "echo \"${x:-a\\}}\"" },
    { "cat <<E\n@\nE\n", "$x\\\"", "cat <<E\n\\$x\\\\\"\nE\n" },
    { "cat <<'E'\n@\nE\n@", "$x", "cat <<'E'\n$x\nE\n'$x'" },
    { "cat <<-E\n\t@\n\tE\n@", "if", "cat <<-E\n\tif\n\tE\n'if'" },
    { "x # @", "'\"$(", "x # '\"$(" },
    { "case @ in @) @;; esac; @", "esac", "case 'esac' in 'esac') 'esac';; esac; 'esac'" },
    { "x=$(case a in a) @;; esac); @", "fi", "x=$(case a in a) 'fi';; esac); 'fi'" },
    { BASH "[[ @ = x ]] && @", "-f", BASH "[[ '-f' = x ]] && '-f'" },
    { BASH "[[ x -eq @ ]]", "-5", BASH "[[ x -eq -5 ]]" },
    { BASH "x=(% y)", "(", BASH "x=('(' x y)" },
    { BASH "echo {1..@}", "5", BASH "echo {1..5}" },
    { BASH "x[@]=5", "3", BASH "x[3]=5" },
    { "echo >@ x", "a b", "echo >'a b' x" },
    { SH "a && \\\n@", "do", SH "a && \\\n'do'" },
    { "f() { @; }", "do", "f() { 'do'; }" },
    { BASH "x=\"$([[ a = a ]])\"; p \"@\"", "$", BASH "x=\"$([[ a = a ]])\"; p \"\\$\"" },
    { BASH "([[ a ]]) # it's @", "$", BASH "([[ a ]]) # it's $" },
    { BASH "[[ a && # it's\n @ ]]", "$(id)", BASH "[[ a && # it's\n '$(id)' ]]" },
    { BASH "[[ \"@\" -eq 5 && -n \"$x\" ]]", "5", BASH "[[ \"5\" -eq 5 && -n \"$x\" ]]" },
    { BASH "let x=@; p @", "5", BASH "let x='5'; p 5" },
    { BASH "export -n A=@", "i", BASH "export -n A='i'" },
    { BASH "m['it]s']=@", "$", BASH "m['it]s']='$'" },
    { "cat <<E\\\nF\n@\nEF\n@", "$", "cat <<E\\\nF\n\\$\nEF\n'$'" },
    { "cat <<\\\nE\n@\nE\n", "$", "cat <<\\\nE\n\\$\nE\n" },
    { "cat <\\\n<E\n@\nE\n", "$", "cat <\\\n<E\n\\$\nE\n" },
    { "p \"$\\\n(p \"@\")\"", "it's", "p \"$\\\n(p \"it's\")\"" },
    { "p \"${x\\\n:-}@\"", "'", "p \"${x\\\n:-}'\"" },
    { "p $x\\\n @", "a", "p $x\\\n a" },
    { "p; \\\n@", "if", "p; \\\n'if'" },
    { "alias s='env '\ns @", "ls", "alias s='env '\ns 'ls'" },
    { BASH "unset @; read -r x <<< @", "a_1", BASH "unset a_1; read -r x <<< a_1" },
    { BASH "local x=@; export \"x=@\"", "$", BASH "local x='$'; export \"x=\\$\"" },
    { BASH "declare x[1]=@", "$", BASH "declare x[1]='$'" },
    { BASH "printf -v x @; read x; p @", "$", BASH "printf -v x '$'; read x; p '$'" },
};

static void quotes_values_by_where_they_stand(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(quoted); i++) {
        struct buffer out = { 0 };
        struct error err = { 0 };
        if (write_script(quoted[i].text, quoted[i].value, &out, &err) < 0)
            fail_msg("%s: %s", quoted[i].text, err.message);
        assert_string_equal(out.data, quoted[i].expected);
        buffer_clear(&out);
    }
}

static const struct {
    const char *text, *value, *why;
} refused[] = {
    { "echo $@", "x", "variable's name" },
    { "echo ${@}", "x", "name" },
    { BASH "echo ${!@}", "x", "name" },
    { "echo \\@", "x", "backslash" },
    { "echo \"$x@\"", "y", "${name}" },
    { "@=5", "x", "variable" },
    { "@() { :; }", "x", "function" },
    { "for @ in a; do :; done", "x", "name" },
    { BASH "function @ { :; }", "x", "name" },
    { "cat <<@\nx\n", "x", "delimiter" },
    { "cat <<E@\nx\n", "x", "delimiter" },
    { "cat <<E\n@\nE\n", "a\nE\nrm", "ends it" },
    { "cat <<E\n@E\nE\n", "", "ends it" },
    { "cat <<E\n@E\nE\n", "a\n", "ends it" },
    { "cat <<''\na@\n\n", "\n", "ends it" },
    { "cat <<'END'\nE@", "ND", "ends it" },
    { "cat <<-E\n@\nE\n", "\ta", "tab" },
    { "cat <<E\n${x:-@}\nE\n", "a", "variable" },
    { "# @\n", "a\nrm", "comment" },
    { "echo ~@", "root", "~name" },
    { "echo $((@))", "x", "whole number" },
    { "echo $((1@))", "1", "adjoin" },
    { "echo $((@1))", "1", "adjoin" },
    { "echo $(($x@))", "1", "adjoin" },
    { "echo a%", "b", "adjoin" },
    { "echo %b", "b", "adjoin" },
    { "echo \"%\"", "b", "join" },
    { "echo >%", "b", "redirection" },
    { "case % in", "b", "one word" },
    { "echo @>file", "2", "file descriptor" },
    { BASH "[[ @ -eq 5 ]]", "a[$(id)]", "whole number" },
    { BASH "[[ 5 -lt @ ]]", "a[$(id)]", "whole number" },
    { BASH "[[ -v @ ]]", "a", "name" },
    { BASH "x[@]=5", "$(id)", "whole number" },
    { BASH "x[@]=5", "-1", "subscript" },
    { BASH "echo $'\\x4@'", "1", "before it" },
    { SH "echo $'@'", "a", "every sh" },
    { "#!/bin/@\n", "bash", "'#!'" },
    { "#!/usr/bin/python3\nprint(@)", "1", "'#!'" },
    { ")) @", "x", "closes nothing" },
    { BASH "[[ \"@\" -eq 5 ]]", "a[$(id)]", "whole number" },
    { BASH "[[ 5 -eq '@' ]]", "a[$(id)]", "whole number" },
    { BASH "[[ 5 -eq \"${x:-@}\" ]]", "a[$(id)]", "whole number" },
    { BASH "[[ -v \"x[@]\" ]]", "$(id)", "whole number" },
    { BASH "let x=@", "a[$(id)]", "whole number" },
    { BASH "let \"x=@\"", "a[$(id)]", "whole number" },
    { BASH "declare -gi x=@", "a[$(id)]", "whole number" },
    { BASH "local -i x=(1 @)", "a[$(id)]", "whole number" },
    { BASH "m[\"@\"]=1", "$(id)", "whole number" },
    { BASH "declare -a m[@]=1", "$(id)", "whole number" },
    { BASH "declare @", "x[$(id)]=1", "name's brackets" },
    { BASH "builtin local \"x[@]=1\"", "$(id)", "name's brackets" },
    { BASH "declare -n x=@", "a[$(id)]", "name's brackets" },
    { BASH "IFS= read -r a @", "a[$(id)]", "name's brackets" },
    { BASH "command unset 'a[@]'", "$(id)", "name's brackets" },
    { BASH "printf -v @ %s x", "a[$(id)]", "name's brackets" },
    { BASH "[ x = y -o -v \"@\" ]", "a[$(id)]", "name's brackets" },
    { BASH "wait -p @", "a[$(id)]", "name's brackets" },
    { BASH "[[ b =~ ^[@]$ ]]", "a-z", "regular expression" },
    { BASH "cat <<$'E'\nx\nE\n@", "x", "delimiter" },
    { "cat <<\"E\\\"F\"\nx\nE\"F\n@", "x", "delimiter" },
    { "echo \"$x\\\n@\"", "y", "${name}" },
    { "echo $\\\n@", "y", "variable's name" },
    { "echo $((1\\\n@))", "1", "adjoin" },
    { "echo $((@\\\n1))", "1", "adjoin" },
    { BASH "p \"${u:-it's}\" '@'", "x", "other one of the '" },
    { BASH "p \"${x#'@'}\"", "$(", "shells differ" },
    { BASH "p \"${x:-`p @`}\"", "a\"b", "shells differ" },
    { BASH "p \"${x:- \"\"}`p .`\"'@'", "$(", "the end of '$('" },
};

static void refuses_what_no_quoting_makes_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct buffer out = { 0 };
        struct error err = { 0 };
        int rc = write_script(refused[i].text, refused[i].value, &out, &err);
        if (rc != ERROR_INVALID || !strstr(err.message, refused[i].why))
            fail_msg("%s with %s: %s, %s", refused[i].text, refused[i].value, out.data,
                     err.message);
        buffer_clear(&out);
    }
}

static void refuses_nul(void **state)
{
    struct shell_lexer *lexer = shell_lexer_new(SHELL_SH);
    const struct shell_word word = { "a\0b", 3, false };
    struct buffer out = { 0 };
    (void)state;
    assert_int_equal(shell_lexer_value(lexer, &word, 1, false, &out, NULL), ERROR_INVALID);
    shell_lexer_free(lexer);
    buffer_clear(&out);
}

static void survives_any_depth(void **state)
{
    struct shell_lexer *lexer = shell_lexer_new(SHELL_BASH);
    const struct shell_word word = { "a", 1, false };
    struct buffer out = { 0 };
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(shell_lexer_literal(lexer, "$(\"`", 4, NULL), 0);
    assert_int_equal(shell_lexer_value(lexer, &word, 1, false, &out, NULL), ERROR_INVALID);
    shell_lexer_free(lexer);
    buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_values_by_where_they_stand),
        cmocka_unit_test(refuses_what_no_quoting_makes_right),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(survives_any_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
