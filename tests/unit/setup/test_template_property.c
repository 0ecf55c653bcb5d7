/* test_template_property.c - what the shell sees is the value, whatever it is, wherever it stands.
 *
 * Random scripts are written through the lexer, with random values in every place that it knows,
 * and run by bash and by dash; each prints what it saw.  Many cases share one process of the shell.
 * A case that differs is made smaller and printed.  MOONFLEET_TEMPLATE_CASES (2000) says how many
 * for each shell, MOONFLEET_TEMPLATE_SEED where to begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "setup/shell_lexer.h"

#define CASES_DEFAULT 2000
#define BATCH 1000
#define VALUES_MAX 24
#define VALUE_MAX 96
#define DEPTH_MAX 3

/* ---- random numbers: the same for the same seed, everywhere ---- */

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    uint64_t z = dice->state += 0x9E3779B97F4A7C15U; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (unsigned)((z ^ (z >> 31)) % sides);
}

/* ---- values ---- */

static const char *const fragments[] = {
    "'",       "\"",       "\\",
    "$",       "`",        "$(",
    ")",       "${",       "}",
    "*",       "?",        "[",
    "]",       "~",        "#",
    "!",       "&",        ";",
    "|",       "<",        ">",
    "(",       " ",        "\t",
    "\n",      "-",        "--",
    "-n",      "=",        "a",
    "b1",      "\xC3\xA9", "\xE6\x97\xA5",
    "\xFF",    "\x81",     "\x88",
    "\r",      "%s",       "EOF",
    "\nEOF\n", "{a,b}",    "..",
    "esac",    "]]",       "/",
    ":",       "5",        "@",
    "+",       "^",        ",",
    "\x01",    "\x7F",     "do",
    "done",    "\\n",      "x",
    "$x",      "\\\\",     "''",
    "$'",      "$((1))",   "\nX\n",
    "if",      "a=b",      "-e",
    "{1..3}",  "`id`",     "$(touch /tmp/moonfleet-touched)",
};

struct value {
    char text[VALUE_MAX];
    size_t size;
    bool is_integer;
};

static void make_value(struct dice *dice, struct value *out)
{
    *out = (struct value) { .size = 0 };
    if (roll(dice, 12) == 0) {
        static const char *const integers[] = {
            "0", "7", "-3", "42", "9223372036854775807", "-9223372036854775808"
        };
        const char *text = integers[roll(dice, COUNT(integers))];
        out->size = strlen(text);
        memcpy(out->text, text, out->size);
        out->is_integer = true;
        return;
    }
    for (unsigned n = roll(dice, 6); n > 0; n--) {
        const char *fragment = fragments[roll(dice, COUNT(fragments))];
        size_t size = strlen(fragment);
        if (out->size + size < VALUE_MAX) {
            memcpy(out->text + out->size, fragment, size);
            out->size += size;
        }
    }
}

/* ---- a case ---- */

struct trial {
    struct dice dice; /* of the structure */
    bool bash;
    struct shell_lexer *lexer;
    struct buffer *script, *expected;
    struct value values[VALUES_MAX];
    size_t used;
    unsigned backquotes; /* that we are inside of: literals need a layer of backslashes for each */
    bool refused;
    struct error err;
};

/* Writes a byte as it has to stand in that many backquotes. */
static void escape(struct buffer *out, char c, unsigned levels)
{
    if (levels > 0 && (c == '\\' || c == '`'))
        escape(out, '\\', levels - 1);
    if (levels > 0)
        escape(out, c, levels - 1);
    else
        buffer_char(out, c);
}

static void lit(struct trial *t, const char *text)
{
    size_t from = t->script->size;
    if (t->refused)
        return;
    for (; *text; text++)
        escape(t->script, *text, t->backquotes);
    t->refused =
        shell_lexer_literal(t->lexer, t->script->data + from, t->script->size - from, &t->err) < 0;
}

static const struct value *next_value(struct trial *t)
{
    return &t->values[t->used < VALUES_MAX - 1 ? t->used++ : t->used];
}

static void put(struct trial *t, const struct value *value)
{
    const struct shell_word word = { value->text, value->size, value->is_integer };
    if (!t->refused)
        t->refused = shell_lexer_value(t->lexer, &word, 1, false, t->script, &t->err) < 0;
}

/* A value that the shell is to see as part of `seen`. */
static void val(struct trial *t, struct buffer *seen)
{
    const struct value *value = next_value(t);
    put(t, value);
    buffer_append(seen, value->text, value->size);
}

static void both(struct trial *t, struct buffer *seen, const char *text)
{
    lit(t, text);
    buffer_text(seen, text);
}

/* What p prints for one argument. */
static void expect(struct trial *t, const char *data, size_t size)
{
    buffer_append(t->expected, data ? data : "", size);
    buffer_char(t->expected, '\0');
}

static void expect_count(struct trial *t, unsigned count)
{
    buffer_format(t->expected, "#%u", count);
    buffer_char(t->expected, '\0');
}

static void word(struct trial *t, struct buffer *seen, int depth);

static void backquoted(struct trial *t, struct buffer *seen, int depth)
{
    lit(t, "`");
    t->backquotes++;
    lit(t, "printf %s ");
    word(t, seen, depth + 1);
    lit(t, ";printf .");
    t->backquotes--;
    lit(t, "`");
    buffer_char(seen, '.');
}

/* Bash 5.2 does not find its way through a ' or further backquotes in quotes in backquotes, when
 * these are in quotes too and behind a brace: whatever the values are. */
static bool loses_count(const struct trial *t)
{
    return t->bash && t->backquotes > 0;
}

static void in_double(struct trial *t, struct buffer *seen, int depth)
{
    lit(t, "\"");
    for (unsigned n = roll(&t->dice, 3); n-- > 0;) {
        switch (roll(&t->dice, depth < DEPTH_MAX ? 9 : 4)) {
        case 0:
            both(t, seen, loses_count(t) ? "is #1 " : "it's #1 ");
            break;
        case 7:
            lit(t, "${u:-$\\\n(printf %s ");
            word(t, seen, depth + 1);
            lit(t, ";printf .)}");
            buffer_char(seen, '.');
            break;
        case 8:
            lit(t, t->bash ? "$([[ a ]])$([[ a && # it's\n" : "$(: # it's\n$([ a ] && test ");
            put(t, next_value(t));
            lit(t, t->bash ? " ]] )$u\\\n " : " a))${u\\\n:-}");
            buffer_text(seen, t->bash ? " " : "");
            break;
        case 1:
            lit(t, "$u");
            both(t, seen, " ");
            break;
        case 2:
            lit(t, "${u:-");
            val(t, seen);
            both(t, seen, " x");
            lit(t, roll(&t->dice, 2) ? "}" : "\"");
            if (t->script->size && t->script->data[t->script->size - 1] == '"') {
                val(t, seen);
                lit(t, "\"}");
            }
            break;
        case 4:
            lit(t, "$(printf %s ");
            word(t, seen, depth + 1);
            lit(t, ";printf .)");
            buffer_char(seen, '.');
            break;
        case 5:
            if (loses_count(t))
                val(t, seen);
            else
                backquoted(t, seen, depth);
            break;
        default:
            val(t, seen);
        }
    }
    lit(t, "\"");
}

static void part(struct trial *t, struct buffer *seen, int depth)
{
    switch (roll(&t->dice, 8)) {
    case 0:
        lit(t, "'");
        val(t, seen);
        both(t, seen, " $u \" ");
        val(t, seen);
        lit(t, "'");
        break;
    case 1:
    case 2:
        in_double(t, seen, depth);
        break;
    case 3:
        both(t, seen, "lit/eral");
        break;
    case 4:
        lit(t, t->bash ? "$'" : "'");
        both(t, seen, "x ");
        val(t, seen);
        lit(t, "'");
        break;
    case 5:
        lit(t, "${u:-");
        val(t, seen);
        lit(t, "\"");
        val(t, seen);
        lit(t, "\"}");
        break;
    case 6:
        lit(t, "\\\n");
        val(t, seen);
        break;
    default:
        val(t, seen);
    }
}

/* One word, which may be made of several parts. */
static void word(struct trial *t, struct buffer *seen, int depth)
{
    part(t, seen, depth);
    while (roll(&t->dice, 3) == 0)
        part(t, seen, depth);
}

static void print_words(struct trial *t, int depth)
{
    unsigned count = 1 + roll(&t->dice, 3);
    struct buffer seen = { 0 };
    lit(t, roll(&t->dice, 6) == 0 ? "A=1 p" : "p");
    expect_count(t, count);
    for (unsigned i = 0; i < count; i++) {
        lit(t, " ");
        buffer_reset(&seen);
        word(t, &seen, depth);
        expect(t, seen.data, seen.size);
    }
    buffer_clear(&seen);
    switch (roll(&t->dice, 6)) {
    case 0:
        lit(t, " # '\"$( ");
        put(t, next_value(t));
        break;
    case 1:
        lit(t, " ;: x=~ \\\n");
        break;
    default:
        break;
    }
    lit(t, "\n");
}

static void print_list(struct trial *t)
{
    struct shell_word words[3];
    unsigned count = roll(&t->dice, 4);
    bool loop = roll(&t->dice, 2), array = t->bash && roll(&t->dice, 2);
    lit(t, loop ? "for i in a " : array ? "y=(a " : "p a ");
    if (loop) {
        expect_count(t, 1);
        expect(t, "a", 1);
    } else {
        expect_count(t, count + 2);
        expect(t, "a", 1);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct value *value = next_value(t);
        words[i] = (struct shell_word) { value->text, value->size, value->is_integer };
        if (loop)
            expect_count(t, 1);
        expect(t, value->text, value->size);
    }
    if (!t->refused)
        t->refused = shell_lexer_value(t->lexer, words, count, true, t->script, &t->err) < 0;
    if (loop)
        lit(t, "; do p \"$i\"; done\n");
    else
        lit(t, array ? "\n # it's\n z); p \"${y[@]}\"\n" : " z\n");
    if (!loop)
        expect(t, "z", 1);
}

static void assign(struct trial *t, int depth)
{
    struct buffer seen = { 0 };
    lit(t, roll(&t->dice, 2) ? "x=" : "local_() { p \"$x\"; }; x=a:");
    if (t->script->data[t->script->size - 1] == ':')
        buffer_text(&seen, "a:");
    word(t, &seen, depth);
    lit(t, "; p \"$x\"\n");
    expect_count(t, 1);
    expect(t, seen.data, seen.size);
    buffer_clear(&seen);
}

static void match(struct trial *t)
{
    const struct value *value = next_value(t), *other = next_value(t);
    bool same = value->size == other->size && memcmp(value->text, other->text, value->size) == 0;
    lit(t, roll(&t->dice, 2) ? "case " : "case \"\"");
    put(t, value);
    lit(t, " in # )\n(");
    put(t, other);
    lit(t, "|nothing) p other;;\n ");
    put(t, value);
    lit(t, ") p same\n;; *) p none; esac\n");
    expect_count(t, 1);
    expect(t, same ? "other" : "same", same ? 5 : 4);
}

static void compare(struct trial *t)
{
    const struct value *value = next_value(t);
    lit(t, roll(&t->dice, 2) ? "if ([[ # it's )\n" : "if (! [[ a == \\\nb ]]) && (! : || [[ ");
    put(t, value);
    lit(t, " == ");
    put(t, value);
    lit(t, " && ( x");
    put(t, value);
    lit(t, " =~ ^x");
    put(t, value);
    lit(t, "$ ) ]]); then p yes; else p no; fi\n");
    expect_count(t, 1);
    expect(t, "yes", 3);
}

static void heredoc(struct trial *t, int depth)
{
    static const char *const openings[] = { "<<EOF",      "<<-EOF",  "<<\\\nEO\\\nF", "<<'EOF'",
                                            "<<-\"EOF\"", "<<\\EOF", "<\\\n<E'O'F" };
    unsigned kind = roll(&t->dice, COUNT(openings));
    bool expands = kind < 3;
    struct buffer seen = { 0 };
    lit(t, "h ");
    lit(t, openings[kind]);
    lit(t, roll(&t->dice, 2) ? "\n" : " # it's\n");
    both(t, &seen, "a ");
    val(t, &seen);
    both(t, &seen, expands ? " ' \" \n" : " ' \" $u ` \n");
    val(t, &seen);
    if (expands && depth < DEPTH_MAX) {
        lit(t, "$(printf %s ");
        word(t, &seen, depth + 1);
        lit(t, ";printf .)");
        buffer_char(&seen, '.');
        backquoted(t, &seen, depth);
    }
    both(t, &seen, "\n");
    lit(t, "EOF\n");
    expect_count(t, 1);
    expect(t, seen.data, seen.size);
    buffer_clear(&seen);
}

static void here_string(struct trial *t, int depth)
{
    struct buffer seen = { 0 };
    lit(t, "h <<< ");
    word(t, &seen, depth);
    lit(t, "\n");
    buffer_char(&seen, '\n');
    expect_count(t, 1);
    expect(t, seen.data, seen.size);
    buffer_clear(&seen);
}

static void strip(struct trial *t)
{
    const struct value *value = next_value(t);
    bool quoted = roll(&t->dice, 2);
    lit(t, "x=");
    put(t, value);
    lit(t, "tail; p ");
    lit(t, quoted ? "\"${x#" : "${x#");
    put(t, value);
    lit(t, quoted ? "}\"\n" : "}\n");
    expect_count(t, 1);
    expect(t, "tail", 4);
}

static void replace(struct trial *t)
{
    const struct value *value = next_value(t), *by = next_value(t);
    lit(t, "x='@'; x=${x/@/");
    put(t, by);
    lit(t, "}; x=$x");
    put(t, value);
    lit(t, "; p \"$x\"\n");
    expect_count(t, 1);
    buffer_append(t->expected, by->text, by->size);
    expect(t, value->text, value->size);
}

static void compute(struct trial *t)
{
    struct value number = { .size = 0 };
    int a = (int)roll(&t->dice, 200) - 100, b = (int)roll(&t->dice, 200) - 100;
    char text[32];
    lit(t, t->bash ? "let x=1 y=2+x; p $((1-" : "p $(\\\n(1-");
    number.size = (size_t)snprintf(number.text, sizeof number.text, "%d", a);
    number.is_integer = true;
    put(t, &number);
    lit(t, "+ 2*(");
    number.size = (size_t)snprintf(number.text, sizeof number.text, "%d", b);
    put(t, &number);
    lit(t, ")-$((3)) ))\n");
    expect_count(t, 1);
    expect(t, text, (size_t)snprintf(text, sizeof text, "%d", 1 - a + 2 * b - 3));
}

static void command(struct trial *t, int depth);

static void compound(struct trial *t, int depth)
{
    static const struct {
        const char *open, *close;
    } forms[] = { { "{\n", "}\n" },
                  { "if true\nthen ", "fi\n" },
                  { "f() {\n", "}; f\n" },
                  { "( ", ")\n" },
                  { "while :; do ", " break; done\n" },
                  { "case x in x) ", ";; esac\n" },
                  { "for i in 1; do ", "done\n" },
                  { "! :\ntrue && ! {\n", "}\n" },
                  { "p \"$u\" >/dev/null; ", ":\n" } };
    unsigned form = roll(&t->dice, COUNT(forms));
    lit(t, forms[form].open);
    command(t, depth + 1);
    lit(t, forms[form].close);
}

static void command(struct trial *t, int depth)
{
    switch (roll(&t->dice, depth < DEPTH_MAX ? 15 : 13)) {
    case 0:
    case 1:
    case 2:
        print_words(t, depth);
        break;
    case 3:
        print_list(t);
        break;
    case 4:
        assign(t, depth);
        break;
    case 5:
        match(t);
        break;
    case 6:
    case 7:
        heredoc(t, depth);
        break;
    case 8:
        strip(t);
        break;
    case 9:
        compute(t);
        break;
    case 10:
        (t->bash ? compare : match)(t);
        break;
    case 11:
        if (t->bash)
            here_string(t, depth);
        else
            assign(t, depth);
        break;
    case 12:
        (t->bash ? replace : strip)(t);
        break;
    default:
        compound(t, depth);
    }
}

/* ---- running ---- */

static const char head[] = "u=\n"
                           "p() { printf '#%s\\0' \"$#\"; [ $# = 0 ] || printf '%s\\0' \"$@\"; }\n"
                           "h() { t=; while IFS= read -r l; do t=\"$t$l\n\"; done; p \"$t$l\"; }\n";

struct plan {
    bool bash;
    uint64_t seed;
    struct value values[VALUES_MAX]; /* instead of the seed's own, when `fixed` */
    bool fixed;
};

/* Writes a case; false: the lexer refused one of its values. */
static bool write_case(const struct plan *plan, uint64_t index, struct buffer *script,
                       struct buffer *expected, struct trial *t)
{
    struct dice values = { plan->seed ^ (index * 0xD1342543DE82EF95U + 1) };
    *t = (struct trial) { .dice = { plan->seed + index * 0xA24BAED4963EE407U },
                          .bash = plan->bash,
                          .script = script,
                          .expected = expected };
    for (size_t i = 0; i < VALUES_MAX; i++) {
        make_value(&values, &t->values[i]);
        if (plan->fixed)
            t->values[i] = plan->values[i];
    }
    size_t script_size = script->size, expected_size = expected->size;
    t->lexer = shell_lexer_new(plan->bash ? SHELL_BASH : SHELL_SH);
    command(t, 0);
    bool neutral = t->refused || (shell_lexer_finish(t->lexer, &t->err) == 0 &&
                                  shell_lexer_at_command(t->lexer, &t->err) == 0);
    shell_lexer_free(t->lexer);
    if (!neutral)
        fail_msg("the lexer lost its way in:\n%s\n%s", script->data + script_size, t->err.message);
    if (t->refused) {
        script->size = script_size;
        expected->size = expected_size;
    }
    return !t->refused;
}

/* What the shell prints for the script. */
static void run_shell(bool bash, const struct buffer *script, struct buffer *out)
{
    char path[] = "/tmp/moonfleet-template-XXXXXX", chunk[65536];
    int file = mkstemp(path), ends[2];
    assert_true(file >= 0);
    assert_int_equal(write(file, script->data, script->size), (ssize_t)script->size);
    (void)close(file);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)setenv("LC_ALL", script->size % 2 ? "C.UTF-8" : "C", 1);
        execlp(bash ? "bash" : "dash", bash ? "bash" : "dash", path, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    for (ssize_t n; (n = read(ends[0], chunk, sizeof chunk)) > 0;)
        buffer_append(out, chunk, (size_t)n);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)unlink(path);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static bool same_bytes(const struct buffer *a, const struct buffer *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Does this one case alone come out wrong? */
static bool is_wrong(const struct plan *plan, uint64_t index, struct buffer *script,
                     struct buffer *expected, struct buffer *seen)
{
    struct trial t;
    buffer_reset(script);
    buffer_reset(expected);
    buffer_reset(seen);
    buffer_text(script, head);
    if (!write_case(plan, index, script, expected, &t))
        return false;
    run_shell(plan->bash, script, seen);
    return !same_bytes(expected, seen);
}

static void print_bytes(const char *what, const struct buffer *buffer, size_t from)
{
    (void)fprintf(stderr, "%s: ", what);
    for (size_t i = from; i < buffer->size; i++) {
        unsigned char c = (unsigned char)buffer->data[i];
        if (c == '\n' || (c >= 0x20 && c < 0x7F))
            (void)fputc(c, stderr);
        else
            (void)fprintf(stderr, "\\x%02X", c);
    }
    (void)fputc('\n', stderr);
}

/* Takes bytes out of the values as long as the case stays wrong, then prints it. */
static void tell(struct plan *plan, uint64_t index)
{
    struct buffer script = { 0 }, expected = { 0 }, seen = { 0 };
    struct trial t;
    (void)write_case(plan, index, &script, &expected, &t);
    memcpy(plan->values, t.values, sizeof plan->values);
    plan->fixed = true;
    for (bool smaller = true; smaller;) {
        smaller = false;
        for (size_t v = 0; v < VALUES_MAX; v++) {
            for (size_t at = plan->values[v].size; at-- > 0;) {
                struct value before = plan->values[v], *value = &plan->values[v];
                if (value->is_integer)
                    break;
                memmove(value->text + at, value->text + at + 1, value->size - at - 1);
                value->size--;
                if (is_wrong(plan, index, &script, &expected, &seen))
                    smaller = true;
                else
                    *value = before;
            }
        }
    }
    (void)is_wrong(plan, index, &script, &expected, &seen);
    (void)fprintf(stderr, "%s, seed %llu, case %llu\n", plan->bash ? "bash" : "dash",
                  (unsigned long long)plan->seed, (unsigned long long)index);
    print_bytes("script", &script, sizeof head - 1);
    print_bytes("expected", &expected, 0);
    print_bytes("the shell saw", &seen, 0);
    buffer_clear(&script);
    buffer_clear(&expected);
    buffer_clear(&seen);
}

/* Cases [from, to) in one process; *refused counts those without a script. */
static void run_batch(struct plan *plan, uint64_t from, uint64_t to, uint64_t *refused)
{
    struct buffer script = { 0 }, expected = { 0 }, seen = { 0 }, one = { 0 };
    struct trial t;
    buffer_text(&script, head);
    for (uint64_t i = from; i < to; i++)
        *refused += !write_case(plan, i, &script, &expected, &t);
    run_shell(plan->bash, &script, &seen);
    if (!same_bytes(&expected, &seen)) {
        for (uint64_t i = from; i < to; i++) {
            if (!is_wrong(plan, i, &script, &expected, &one))
                continue;
            tell(plan, i);
            fail_msg("the shell saw something else than the value");
        }
        fail_msg("cases that are right alone are wrong together (seed %llu, from %llu)",
                 (unsigned long long)plan->seed, (unsigned long long)from);
    }
    buffer_clear(&script);
    buffer_clear(&expected);
    buffer_clear(&seen);
    buffer_clear(&one);
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}

static void run_cases(bool bash)
{
    uint64_t count = number_from("MOONFLEET_TEMPLATE_CASES", CASES_DEFAULT), refused = 0;
    struct plan plan = { .bash = bash, .seed = number_from("MOONFLEET_TEMPLATE_SEED", 1) };
    if (count == 0)
        skip();
    for (uint64_t from = 0; from < count; from += BATCH)
        run_batch(&plan, from, from + BATCH < count ? from + BATCH : count, &refused);
    print_message("%llu cases, %llu of them refused\n", (unsigned long long)count,
                  (unsigned long long)refused);
    assert_true(refused * 2 < count);
    assert_int_not_equal(access("/tmp/moonfleet-touched", F_OK), 0);
}

static void bash_sees_every_value_as_it_is(void **state)
{
    (void)state;
    run_cases(true);
}

static void dash_sees_every_value_as_it_is(void **state)
{
    (void)state;
    run_cases(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bash_sees_every_value_as_it_is),
        cmocka_unit_test(dash_sees_every_value_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
