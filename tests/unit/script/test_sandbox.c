/* test_sandbox.c - what a recipe cannot do: each escape by itself, lying children, and the
 * sandbox's own walls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "script/recipe.h"
#include "script/sandbox.h"

#define CPU_MS 300
#define SLOW_CPU_MS 60000 /* where time is not what is tested: more than any machine needs */

static char folder[] = "/tmp/moonfleet-sandbox-XXXXXX";

static void put(const char *name, const char *text, mode_t mode)
{
    char *path = file_join(folder, name);
    assert_int_equal(file_write(path, text, strlen(text), mode, NULL), 0);
    free(path);
}

/* Runs a recipe's text with the limits in `options`. */
static int evaluate(const char *text, struct recipe_options options, cJSON **out, struct error *err)
{
    put("recipe.lua", text, 0644);
    char *path = file_join(folder, "recipe.lua");
    options.path = path;
    if (!options.program)
        options.program = "/proc/self/exe";
    if (!options.cpu_ms)
        options.cpu_ms = CPU_MS;
    int rc = recipe_evaluate(&options, out, err);
    free(path);
    return rc;
}

/* ---- limits ---- */

#define HEAD "fleet 'ds' {} "

static const struct {
    const char *text;
    const char *message; /* begins so */
    int line;
} runaways[] = {
    { HEAD "\nwhile true do end", "used more than 0.3 s of CPU", 2 },
    { HEAD "\nwhile true do pcall(function() while true do end end) end", "used more than 0.3 s",
      2 },
    { HEAD "pcall(function() while true do pcall(error) end end)", "used more than 0.3 s", 1 },
    { HEAD "coroutine.wrap(function() while true do end end)()", "used more than 0.3 s", 0 },
    { HEAD "while true do for _ = 1, 10000 do coroutine.wrap(function() local x = 1 end)() end end",
      "used more than 0.3 s", -1 },
    { HEAD "xpcall(error, function() while true do end end)", "used more than 0.3 s", 1 },
    { HEAD
      "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
      "used more than 0.3 s", 1 },
    { HEAD "local s = ('a'):rep(200000); s:find(('.-'):rep(20) .. 'b')", "used more than 0.3 s",
      0 },
    { HEAD "table.move({}, 1, math.maxinteger - 1, 2)", "used more than 0.3 s", 0 },
    { HEAD "while true do pcall(string.rep, 'x', 1 << 30) end", "used more than 0.3 s", -1 },
    { HEAD "local x = ('x'):rep(1 << 30)", "used more than 64 MiB of memory", 1 },
    { HEAD "\nlocal t = {} while true do t[#t + 1] = {} end", "used more than 64 MiB of memory",
      2 },
    { HEAD "\nlocal function f() return 1 + f() end f()", "used more than 64 MiB of memory", 2 },
    { HEAD "\n\ncoroutine.wrap(function() local s = ('x'):rep(1 << 30) end)()",
      "used more than 64 MiB of memory", 3 },
};

static void ends_what_runs_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runaways); i++) {
        cJSON *document = NULL;
        struct error err = { 0 };
        struct recipe_options options = { .wall_ms = 60000 };
        if (strstr(runaways[i].message, "memory")) /* which is to end it, on a slow machine too */
            options.cpu_ms = SLOW_CPU_MS;
        int rc = evaluate(runaways[i].text, options, &document, &err);
        cJSON_Delete(document);
        if (rc != ERROR_LIMIT)
            fail_msg("%s\n%d: %s", runaways[i].text, rc, err.message);
        if (!text_starts(err.message, runaways[i].message))
            fail_msg("%s\n%s", runaways[i].text, err.message);
        assert_string_equal(err.file, "recipe.lua");
        if (runaways[i].line >= 0 && runaways[i].line != err.line)
            fail_msg("%s\nline %d", runaways[i].text, err.line);
    }
}

/* What ends by itself, with one problem that begins so. */
static const struct {
    const char *text, *message;
} stopped[] = {
    { HEAD "local x = ('x'):rep(1e15)", "resulting string too large" },
    { HEAD "local function f() return 1 + f() end f()", "functions call each other too deeply" },
    { HEAD "setmetatable({}, { __gc = function() while true do end end })",
      "a recipe's metatables cannot have '__gc'" },
    { HEAD "local mt = {} local t = setmetatable({}, mt) mt.__mode = 'k'",
      "setmetatable: metamethods that the metatable gets later do not count" },
    { HEAD "local mt = {} setmetatable({}, mt) rawset(mt, '__gc', print)\n"
           "assert(not pcall(setmetatable, {}, mt)) mt.__gc = nil error('it was refused', 0)",
      "it was refused" },
    { HEAD "local mt = { __call = print } setmetatable({}, mt) mt.__call = nil",
      "setmetatable: metamethods that the metatable gets later do not count" },
    { HEAD "load(string.dump(print))", "'string.dump' is not available in a recipe" },
    { HEAD "local t = {} t = setmetatable(t, { __index = function(_, k) return t[k] end }) local x "
           "= t.y",
      "nested too deeply" },
    { HEAD "string.rep('x', 1, 2, 3) while undefined_word do undefined_word(1) end",
      "unknown word 'undefined_word'" },
};

static void stops_what_goes_too_deep(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stopped); i++) {
        cJSON *document = NULL;
        struct error err = { 0 };
        int rc = evaluate(
            stopped[i].text,
            (struct recipe_options) { .cpu_ms = SLOW_CPU_MS, .memory_bytes = (size_t)256 << 20 },
            &document, &err);
        if (rc != 0)
            fail_msg("%s\n%d: %s", stopped[i].text, rc, err.message);
        const cJSON *problem = cJSON_GetArrayItem(json_at(document, "problems"), 0);
        if (!text_starts(json_string(problem, "message", ""), stopped[i].message))
            fail_msg("%s\n%s", stopped[i].text, json_string(problem, "message", ""));
        cJSON_Delete(document);
    }
}

/* The innermost pcall() runs out of C stack and says so to the one around it. */
static void a_pcall_that_calls_itself_goes_on(void **state)
{
    (void)state;
    const char *recipe = HEAD "local depth, last = 0\n"
                              "local function f() depth = depth + 1; return pcall(f) end\n"
                              "local function g() local r = table.pack(f()) return r[r.n] end\n"
                              "output('why', g()) output('deep', depth > 100 and depth < 1000)";
    struct error err = { 0 };
    cJSON *document = NULL;
    int rc = evaluate(recipe, (struct recipe_options) { .cpu_ms = SLOW_CPU_MS }, &document, &err);
    if (rc != 0)
        fail_msg("%s", err.message);
    const cJSON *outputs = json_at(document, "outputs");
    assert_string_equal(json_string(cJSON_GetArrayItem(outputs, 0), "value", ""),
                        "C stack overflow");
    assert_true(json_bool(cJSON_GetArrayItem(outputs, 1), "value", false));
    cJSON_Delete(document);
}

/* { t, t, t } thirty times over is small as tables and endless as text. */
static void tables_that_share_do_not_grow_without_end(void **state)
{
    (void)state;
    const char *recipe =
        HEAD "local t = { {} } for _ = 1, 31 do t = { t, t, t } end output('x', t)";
    struct error err = { 0 };
    cJSON *document = NULL;
    assert_int_equal(
        evaluate(recipe, (struct recipe_options) { .cpu_ms = SLOW_CPU_MS }, &document, &err),
        ERROR_LIMIT);
    assert_true(text_starts(err.message, "used more than 64 MiB of memory"));
}

/* As they are when setmetatable() is called, shared by all objects that have them. */
static void metatables_work_as_usual(void **state)
{
    (void)state;
    const char *recipe = HEAD
        "local Person = {} Person.__index = Person\n"
        "function Person.new(name) return setmetatable({ name = name }, Person) end\n"
        "function Person:hello() return 'hello ' .. self.name end\n"
        "Person.__tostring = function(self) return self.name end\n"
        "local Boss = setmetatable({}, { __index = Person }) Boss.__index = Boss\n"
        "local a, b = Person.new('ada'), setmetatable({ name = 'grace' }, Boss)\n"
        "assert(getmetatable(a) == Person and getmetatable(b) == Boss)\n"
        "assert(a:hello() == 'hello ada' and b:hello() == 'hello grace' and tostring(a) == 'ada')\n"
        "Boss.__len = function() return 7 end local c = setmetatable({}, Boss)\n"
        "assert(#b == 7 and #c == 7 and getmetatable('') == false and getmetatable(1) == nil)\n"
        "assert(getmetatable(setmetatable({}, { __metatable = 'mine' })) == 'mine')\n"
        "assert(getmetatable(setmetatable(c, nil)) == nil)\n"
        "Person.more = 1 function Person.later() end assert(a.later == Person.later)";
    struct error err = { 0 };
    cJSON *document = NULL;
    int rc = evaluate(recipe, (struct recipe_options) { .cpu_ms = SLOW_CPU_MS }, &document, &err);
    if (rc != 0)
        fail_msg("%s", err.message);
    const cJSON *problems = json_at(document, "problems");
    if (cJSON_GetArraySize(problems) != 0)
        fail_msg("%s", json_string(problems->child, "message", ""));
    cJSON_Delete(document);
}

static void refuses_a_million_parentheses(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    struct error err = { 0 };
    cJSON *document = NULL;
    buffer_text(&text, "local x = ");
    for (int i = 0; i < 1000000; i++)
        buffer_char(&text, '(');
    assert_int_equal(evaluate(text.data, (struct recipe_options) { 0 }, &document, &err),
                     ERROR_SYNTAX);
    if (!strstr(err.message, "C stack overflow"))
        fail_msg("%s", err.message);
    if (err.line != 1)
        fail_msg("%s", err.message);
    buffer_clear(&text);
}

static void ends_on_wall_time(void **state)
{
    (void)state;
    put("sleeper", "#!/bin/sh\nexec sleep 100\n", 0755);
    char *program = file_join(folder, "sleeper");
    struct error err = { 0 };
    cJSON *document = NULL;
    struct recipe_options options = { .program = program, .wall_ms = 100 };
    int64_t before = clock_monotonic_ms(clock_real());
    assert_int_equal(evaluate(HEAD, options, &document, &err), ERROR_LIMIT);
    assert_in_range(clock_monotonic_ms(clock_real()) - before, 100, 1100);
    assert_string_equal(err.message, "took longer than 0.1 s; a recipe only describes a fleet");
    free(program);
}

static void memory_limit_can_be_chosen(void **state)
{
    (void)state;
    const char *text = HEAD "local x = ('x'):rep(20 << 20)";
    struct error err = { 0 };
    cJSON *document = NULL;
    struct recipe_options small = { .memory_bytes = (size_t)16 << 20 };
    assert_int_equal(evaluate(text, small, &document, &err), ERROR_LIMIT);
    assert_true(text_starts(err.message, "used more than 16 MiB of memory"));
    struct recipe_options usual = { .cpu_ms = 10000 }; /* a busy machine fills pages slowly */
    assert_int_equal(evaluate(text, usual, &document, &err), 0);
    cJSON_Delete(document);
}

/* ---- files and environment ---- */

static void cannot_wait_on_a_fifo(void **state)
{
    (void)state;
    char *path = file_join(folder, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    struct error err = { 0 };
    cJSON *document = NULL;
    assert_int_equal(evaluate(HEAD "file 'pipe'", (struct recipe_options) { 0 }, &document, &err),
                     0);
    const cJSON *problems = json_at(document, "problems");
    assert_int_equal(cJSON_GetArraySize(problems), 1);
    assert_non_null(strstr(json_string(problems->child, "message", ""), "not a regular file"));
    cJSON_Delete(document);
    free(path);
}

static void caps_what_it_reads(void **state)
{
    (void)state;
    size_t size = RECIPE_FILE_MAX;
    char *text = calloc(1, size + 2);
    memset(text, 'x', size);
    put("large", text, 0644);
    text[size] = 'x';
    put("too-large", text, 0644);
    free(text);
    struct error err = { 0 };
    cJSON *document = NULL;
    const char *recipe = HEAD "assert(#file 'large' == 4 << 20) file 'too-large'";
    assert_int_equal(
        evaluate(recipe, (struct recipe_options) { .cpu_ms = SLOW_CPU_MS }, &document, &err), 0);
    const cJSON *problems = json_at(document, "problems");
    assert_int_equal(cJSON_GetArraySize(problems), 1);
    assert_non_null(strstr(json_string(problems->child, "message", ""), "too-large"));
    cJSON_Delete(document);
}

static void tells_a_recipe_that_is_not_there(void **state)
{
    (void)state;
    struct error err = { 0 };
    cJSON *document = NULL;
    struct recipe_options options = { .program = "/proc/self/exe", .path = "/nowhere/recipe.lua" };
    assert_int_equal(recipe_evaluate(&options, &document, &err), ERROR_NOT_FOUND);
    options.path = folder;
    assert_int_equal(recipe_evaluate(&options, &document, &err), ERROR_INVALID);
    options.path = "";
    assert_int_equal(recipe_evaluate(&options, &document, &err), ERROR_NOT_FOUND);
}

static void tells_a_program_that_is_not_there(void **state)
{
    (void)state;
    struct error err = { 0 };
    cJSON *document = NULL;
    struct recipe_options options = { .program = "/nowhere/moonfleet" };
    assert_int_equal(evaluate(HEAD, options, &document, &err), ERROR_NOT_FOUND);
}

/* ---- determinism ---- */

static void gives_the_same_bytes_every_time(void **state)
{
    (void)state;
    const char *recipe = HEAD
        "local map = {} for i = 1, 300 do map['key' .. i * 7919 % 1000] = i map[i * 3] = 'v' end\n"
        "local list = {} for k, v in pairs(map) do list[#list + 1] = tostring(k) .. v end\n"
        "for k in next, map do list[#list + 1] = tostring(k) end\n"
        "output('list', list) output('same', { [tostring({})] = 1 })\n"
        "local objects = {} for i = 1, 200 do objects[i] = { i, i % 7 } end\n"
        "table.sort(objects, function(a, b) return a[2] < b[2] end) output('sorted', objects)\n"
        "print(map, print, ('%s'):format({}))";
    char *first = NULL;
    for (int i = 0; i < 5; i++) {
        struct error err = { 0 };
        cJSON *document = NULL;
        assert_int_equal(
            evaluate(recipe, (struct recipe_options) { .cpu_ms = SLOW_CPU_MS }, &document, &err),
            0);
        char *text = json_text(document);
        cJSON_Delete(document);
        if (first)
            assert_string_equal(text, first);
        else
            first = text;
        if (text != first)
            free(text);
    }
    assert_null(strstr(first, "0x"));
    free(first);
}

/* ---- children that lie ---- */

#define LE(n) "\\" #n "\\0\\0\\0" /* a size below 256, in octal */

static const struct {
    const char *script, *message;
    int rc;
} liars[] = {
    { "printf 'what is this' >&3", "unknown or oversized", ERROR_INVALID },
    { "printf 'D\\377\\377\\377\\377' >&3", "unknown or oversized", ERROR_INVALID },
    { "printf 'R\\0\\0\\1\\0' >&3", "unknown or oversized", ERROR_INVALID },
    { "printf 'D" LE(4) "nope' >&3", "no JSON", ERROR_INVALID },
    { "printf 'D" LE(2) "{}' >&3", "another document", ERROR_INVALID },
    { "printf 'D" LE(2) "[]' >&3", "another document", ERROR_INVALID },
    { "printf 'R" LE(3) "a\\0b' >&3", "a question", ERROR_INVALID },
    { "printf 'Z" LE(2) "{}' >&3", "a failure", ERROR_INVALID },
    { "printf 'Z" LE(57) "{\"code\":0,\"line\":1,\"file\":\"x\",\"message\":\"done\"}' >&3",
      "a failure", ERROR_INVALID },
    { "printf 'D\\1' >&3", "without an answer (status 0)", ERROR_INTERNAL },
    { "exit 7", "without an answer (status 7)", ERROR_INTERNAL },
    { "kill -SEGV $$", "signal 11 (SIGSEGV)", ERROR_INTERNAL },
    { "kill -SYS $$", "sandbox forbids", ERROR_DENIED },
};

static void believes_no_liar(void **state)
{
    (void)state;
    char *program = file_join(folder, "liar");
    for (size_t i = 0; i < COUNT(liars); i++) {
        char *script = text_format("#!/bin/sh\n%s\n", liars[i].script);
        put("liar", script, 0755);
        free(script);
        struct error err = { 0 };
        cJSON *document = NULL;
        int rc =
            evaluate(HEAD, (struct recipe_options) { .program = program, .cpu_ms = SLOW_CPU_MS },
                     &document, &err);
        if (rc != liars[i].rc || !strstr(err.message, liars[i].message))
            fail_msg("%s\n%d: %s", liars[i].script, rc, err.message);
        assert_null(document);
        assert_string_equal(err.file, "recipe.lua");
    }
    free(program);
}

static void child_inherits_nothing(void **state)
{
    (void)state;
    /* What is open: 0, 1, 2, 3 and the one that ls itself opens; and no variable but sh's own. */
    put("looker",
        "#!/bin/sh\n"
        "n=$(ls /proc/self/fd | wc -l); v=$(env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | "
        "wc -l)\n"
        "t=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 | sort -u | tr '\\n' ,)\n"
        "exec >&3; [ \"$v$t\" = '0/dev/null,' ] && [ $n -le 6 ] && kill -SEGV $$\n",
        0755);
    char *program = file_join(folder, "looker");
    int leaked = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
    int high = fcntl(leaked, F_DUPFD, 20);
    struct error err = { 0 };
    cJSON *document = NULL;
    struct recipe_options options = { .program = program, .cpu_ms = SLOW_CPU_MS };
    (void)evaluate(HEAD, options, &document, &err);
    assert_non_null(strstr(err.message, "SIGSEGV"));
    (void)close(leaked);
    (void)close(high);
    free(program);
}

/* ---- the walls themselves ---- */

static void try_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}
static void try_fork(void)
{
    (void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void try_exec(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
}
static void try_kill(void)
{
    (void)kill(getppid(), 0);
}
static void try_ptrace(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static void try_write(void)
{
    (void)write(STDIN_FILENO, "x", 1);
}
static void try_unlink(void)
{
    (void)unlink("/tmp/x");
}

#ifndef MOONFLEET_SANITIZE
static void try_executable_memory(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
#endif

/* Runs `attempt` in a process behind both walls, or only the first; gives its wait status. */
static int behind_walls(void (*attempt)(void), bool sealed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sandbox_limits limits = { .socket_fd = 3,
                                         .cpu_ms = 2000,
                                         .memory_bytes = (size_t)64 << 20 };
        struct error err = { 0 };
        if (sandbox_drop(&limits, &err) < 0 || (sealed && sandbox_seal(&limits, &err) < 0))
            _exit(99);
        attempt();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void forbidden_calls_kill(void **state)
{
    (void)state;
    static void (*const attempts[])(void) = {
        try_socket,
        try_fork,
        try_exec,
        try_kill,
        try_ptrace,
        try_write,
        try_unlink,
#ifndef MOONFLEET_SANITIZE
        try_executable_memory,
#endif
    };
    for (size_t i = 0; i < COUNT(attempts); i++) {
        int status = behind_walls(attempts[i], true);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static void try_open(void)
{
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EPERM)
        _exit(1);
}

static void opening_is_refused(void **state)
{
    (void)state;
    int status = behind_walls(try_open, true);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Without the filter: Landlock alone. */
static void try_folder(void)
{
    if (mkdir("/tmp/moonfleet-landlock", 0700) == 0 || errno != EACCES)
        _exit(1);
}

static void landlock_forbids_files(void **state)
{
    (void)state;
    if (syscall(444 /* landlock_create_ruleset */, NULL, 0, 1U) < 1)
        skip();
    int status = behind_walls(try_folder, false);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void burn(void)
{
    for (volatile unsigned long i = 0;; i++)
        ;
}

static void cpu_time_ends(void **state)
{
    (void)state;
    int status = behind_walls(burn, true);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGXCPU);
}

/* ---- size ---- */

static void describes_ten_thousand(void **state)
{
    (void)state;
    const char *recipe = "fleet 'ds' { defaults = { size = 'Standard_DS3_v2' } }\n"
                         "for i = 1, 10000 do\n"
                         "  instance('ds-p' .. i .. 'x') {\n"
                         "    assigned_to = user('p' .. i .. '@moonfleet.local'),\n"
                         "    schedules = { { stop = '0 19 * * 1-5', time_zone = 'UTC' } },\n"
                         "    tags = { number = tostring(i), team = 'ds' }, idle_shutdown = '1h',\n"
                         "  }\n"
                         "end\n"
                         "output('instances', #instances())";
    struct error err = { 0 };
    cJSON *document = NULL;
    int rc = evaluate(recipe, (struct recipe_options) { .cpu_ms = SLOW_CPU_MS }, &document, &err);
    if (rc != 0)
        fail_msg("%s", err.message);
    assert_int_equal(cJSON_GetArraySize(json_at(document, "declarations")), 10000);
    cJSON_Delete(document);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && text_equal(argv[1], "__recipe"))
        return recipe_child_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_what_runs_away),
        cmocka_unit_test(stops_what_goes_too_deep),
        cmocka_unit_test(a_pcall_that_calls_itself_goes_on),
        cmocka_unit_test(tables_that_share_do_not_grow_without_end),
        cmocka_unit_test(metatables_work_as_usual),
        cmocka_unit_test(refuses_a_million_parentheses),
        cmocka_unit_test(ends_on_wall_time),
        cmocka_unit_test(memory_limit_can_be_chosen),
        cmocka_unit_test(cannot_wait_on_a_fifo),
        cmocka_unit_test(caps_what_it_reads),
        cmocka_unit_test(tells_a_recipe_that_is_not_there),
        cmocka_unit_test(tells_a_program_that_is_not_there),
        cmocka_unit_test(gives_the_same_bytes_every_time),
        cmocka_unit_test(believes_no_liar),
        cmocka_unit_test(child_inherits_nothing),
        cmocka_unit_test(forbidden_calls_kill),
        cmocka_unit_test(opening_is_refused),
        cmocka_unit_test(landlock_forbids_files),
        cmocka_unit_test(cpu_time_ends),
        cmocka_unit_test(describes_ten_thousand),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
