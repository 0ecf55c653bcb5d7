/* setup_lint.c - `setup lint`: what is wrong with setup scripts, before a machine finds out.
 *
 * Our own rules look at the template as it is written.  The shell and shellcheck look at what comes
 * of it, and what they find is put where it stands in the template. */
#include "cli/setup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/recipe_run.h"
#include "cli/setup_tools.h"
#include "script/recipe.h"
#include "setup/lint.h"
#include "setup/secrets.h"

#define RENDERINGS_MAX 20 /* of one script that a recipe uses in many ways */
#define ATTEMPTS_MAX 20   /* at rendering, each with more values that were made up */

/* One script. */
struct target {
    char *name;         /* for people; owned */
    struct buffer text; /* as it is written */
    struct lint *lint;
    char *seen[RENDERINGS_MAX]; /* what the tools were shown; owned */
    size_t seen_count;
};

/* What a run of the command holds. */
struct linting {
    const struct invocation *invocation;
    struct target *targets;
    size_t count, capacity;
    struct secrets *secrets; /* of the recipes: kept out of messages */
    cJSON *notes;            /* texts */
    bool no_shellcheck;      /* it is not installed */
    size_t recipe_problems;
};

static void linting_clear(struct linting *linting)
{
    for (size_t i = 0; i < linting->count; i++) {
        struct target *target = &linting->targets[i];
        for (size_t k = 0; k < target->seen_count; k++)
            free(target->seen[k]);
        lint_free(target->lint);
        buffer_clear(&target->text);
        free(target->name);
    }
    free(linting->targets);
    secrets_free(linting->secrets);
    cJSON_Delete(linting->notes);
}

static struct target *find_target(struct linting *linting, const char *name)
{
    for (size_t i = 0; i < linting->count; i++)
        if (text_equal(linting->targets[i].name, name))
            return &linting->targets[i];
    return NULL;
}

static struct target *add_target(struct linting *linting, const char *name)
{
    if (linting->count == linting->capacity) {
        size_t capacity = linting->capacity ? linting->capacity * 2 : 8;
        struct target *targets = realloc(linting->targets, capacity * sizeof *targets);
        if (!targets)
            return NULL;
        linting->targets = targets;
        linting->capacity = capacity;
    }
    struct target *target = &linting->targets[linting->count];
    *target = (struct target) { .name = strdup(name), .text = { .max = LINT_TEXT_MAX } };
    if (!target->name)
        return NULL;
    linting->count++;
    return target;
}

static void note(struct linting *linting, const char *name, const struct buffer *text)
{
    char *line = text->size > 0 ? text_format("%s%s%s", name, *name ? ": " : "", text->data) : NULL;
    if (line)
        cJSON_AddItemToArray(linting->notes, cJSON_CreateString(line));
    free(line);
}

/* ---- what comes of a script ---- */

/* Without what our own rules have told already (a byte-order mark, Windows line ends), and with the
 * lines of as_user blocks where the tools can see them. */
static void plain_text(const char *text, size_t size, struct buffer *out)
{
    struct buffer plain = { 0 };
    size_t from = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = from; i < size; i++)
        if (text[i] != '\r' || i + 1 >= size || text[i + 1] != '\n')
            buffer_char(&plain, text[i]);
    if (plain.size > 0)
        lint_open_blocks(plain.data, plain.size, out);
    out->failed = out->failed ? out->failed : plain.failed;
    buffer_clear(&plain);
}

/* Asks the shell and shellcheck; the same text only once. */
static int ask_tools(struct linting *linting, struct target *target, const char *text,
                     const cJSON *lines, struct error *err)
{
    struct buffer plain = { 0 }, remark = { 0 };
    int rc = 0;
    if (!lint_shell(target->lint)[0] || target->seen_count >= RENDERINGS_MAX)
        return 0;
    for (size_t i = 0; i < target->seen_count; i++)
        if (text_equal(target->seen[i], text))
            return 0;
    if ((target->seen[target->seen_count] = strdup(text)))
        target->seen_count++;
    if (strlen(text) > SETUP_SCRIPT_MAX && target->text.size <= SETUP_SCRIPT_MAX &&
        lint_add(target->lint, "too-large", NULL, LINT_ERROR, 1, 1,
                 "what comes of the template is larger than a mebibyte") < 0)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    plain_text(text, strlen(text), &plain);
    const struct rendered script = { plain.data ? plain.data : "", plain.size, lines };
    rc = buffer_check(&plain, target->name, err);
    if (rc == 0)
        rc = setup_tools_shell(target->lint, &script, &remark, err);
    note(linting, target->name, &remark);
    buffer_reset(&remark);
    if (rc == 0 && !linting->no_shellcheck)
        rc = setup_tools_shellcheck(target->lint, &script, &linting->no_shellcheck, &remark, err);
    note(linting, target->name, &remark);
    buffer_clear(&remark);
    buffer_clear(&plain);
    return rc;
}

/* Our own rules. */
static int look(struct target *target, bool rendered, bool cached, struct error *err)
{
    const struct lint_options options = { .rendered = rendered, .cached = cached };
    int rc = buffer_check(&target->text, target->name, err);
    if (rc == 0)
        rc = lint_new(target->text.data ? target->text.data : "", target->text.size, &options,
                      &target->lint, err);
    return rc;
}

/* ---- templates ---- */

/* A value of the declared type, for looking at what comes of it. */
static cJSON *made_up(const cJSON *parameter)
{
    const char *type = json_string(parameter, "type", "string");
    const cJSON *choices = cJSON_GetObjectItemCaseSensitive(parameter, "choices");
    cJSON *value = NULL;
    if (cJSON_GetArraySize(choices) > 0 && !text_equal(type, "list"))
        return cJSON_Duplicate(choices->child, true);
    if (text_equal(type, "number"))
        return cJSON_CreateNumber(1);
    if (text_equal(type, "boolean"))
        return cJSON_CreateTrue();
    if (!text_equal(type, "list"))
        return cJSON_CreateString("value");
    value = cJSON_CreateArray();
    cJSON_AddItemToArray(value, cJSON_GetArraySize(choices) > 0
                                    ? cJSON_Duplicate(choices->child, true)
                                    : cJSON_CreateString("value"));
    return value;
}

/* What the script needs and nobody gave is made up; what it does not know is left out, when -p may
 * be meant for another script.  false: nothing changed. */
static bool complete(const cJSON *document, cJSON *values, bool several)
{
    const cJSON *parameter = NULL,
                *declared = cJSON_GetObjectItemCaseSensitive(document, "parameters");
    bool changed = false;
    cJSON_ArrayForEach(parameter, declared)
    {
        const char *name = json_string(parameter, "name", "");
        if (json_bool(parameter, "required", false) &&
            !cJSON_GetObjectItemCaseSensitive(values, name)) {
            cJSON_AddItemToObject(values, name, made_up(parameter));
            changed = true;
        }
    }
    for (cJSON *value = several ? values->child : NULL, *next; value; value = next) {
        bool known = false;
        next = value->next;
        cJSON_ArrayForEach(parameter, declared)
        {
            known |= text_equal(json_string(parameter, "name", NULL), value->string);
        }
        if (!known) {
            cJSON_Delete(cJSON_DetachItemViaPointer(values, value));
            changed = true;
        }
    }
    return changed;
}

static bool has_problems(const cJSON *document)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(document, "problems")) > 0;
}

/* Renders the template.  *out_made_up: some values are not what will be given. */
static int render(const struct linting *linting, const char *path, cJSON **out_document,
                  bool *out_made_up, struct error *err)
{
    const struct invocation *invocation = linting->invocation;
    cJSON *values = NULL, *document = NULL;
    int rc = recipe_parameters(invocation, &values, err);
    *out_made_up = false;
    for (int i = 0; rc == 0 && i < ATTEMPTS_MAX; i++) {
        const struct recipe_options options = { .program = invocation->program,
                                                .path = path,
                                                .parameters = values };
        cJSON_Delete(document);
        document = NULL;
        rc = recipe_render(&options, &document, err);
        if (rc < 0 || !has_problems(document) ||
            !complete(document, values, invocation->argument_count > 1))
            break;
        *out_made_up = true;
    }
    cJSON_Delete(values);
    if (rc == 0)
        *out_document = document;
    return rc;
}

/* What cannot be rendered is a mistake of the template, unless we made up what it was given. */
static int add_problems(struct linting *linting, struct target *target, const cJSON *document,
                        bool is_made_up)
{
    const cJSON *problem = NULL;
    cJSON_ArrayForEach(problem, cJSON_GetObjectItemCaseSensitive(document, "problems"))
    {
        const char *message = json_string(problem, "message", "");
        int line = (int)json_int(problem, "at.line", 0);
        int column = (int)json_int(problem, "column", 0);
        struct buffer text = { 0 };
        if (is_made_up) {
            buffer_format(&text, "not rendered, give its parameters with -p: %s", message);
            note(linting, target->name, &text);
        } else if (lint_add(target->lint, "template", NULL, LINT_ERROR, line > 0 ? line : 1,
                            column > 0 ? column : 1, message) < 0) {
            return ERROR_NO_MEMORY;
        }
        buffer_clear(&text);
    }
    return 0;
}

/* A file in memory, by a name that this process can open: a template that came on standard input
 * is read once more.  -1: no memory. */
static int memory_file(const struct buffer *text, char *out_path, size_t out_size)
{
    int fd = memfd_create("script", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, text->data, text->size) != (ssize_t)text->size) {
        (void)close(fd);
        return -1;
    }
    (void)snprintf(out_path, out_size, "/proc/self/fd/%d", fd);
    return fd;
}

/* A template: what comes of it is shown to the tools. */
static int lint_rendered(struct linting *linting, struct target *target, const char *path,
                         struct error *err)
{
    char memory[64];
    cJSON *document = NULL;
    bool is_made_up = false;
    int fd = text_equal(path, "-") ? memory_file(&target->text, memory, sizeof memory) : -1;
    int rc = render(linting, fd >= 0 ? memory : path, &document, &is_made_up, err);
    const char *text = json_string(document, "text", NULL);
    if (rc == 0 && add_problems(linting, target, document, is_made_up) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0 && text)
        rc = ask_tools(linting, target, text, cJSON_GetObjectItemCaseSensitive(document, "lines"),
                       err);
    cJSON_Delete(document);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* ---- scripts ---- */

static int read_script(const char *path, struct buffer *out, struct error *err)
{
    return file_read(text_equal(path, "-") ? "/dev/stdin" : path, LINT_TEXT_MAX, out, err);
}

static int lint_script(struct linting *linting, const char *path, struct error *err)
{
    bool cached = invocation_flag(linting->invocation, "cached");
    struct target *target = add_target(linting, text_equal(path, "-") ? "standard input" : path);
    if (!target)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    int rc = read_script(path, &target->text, err);
    if (rc == 0)
        rc = look(target, false, cached, err);
    if (rc < 0 || !target->text.data || strlen(target->text.data) != target->text.size)
        return rc; /* a zero byte: nothing else reads it */
    if (!lint_is_template(target->lint))
        return ask_tools(linting, target, target->text.data, NULL, err);
    return lint_is_readable(target->lint) ? lint_rendered(linting, target, path, err) : 0;
}

/* ---- recipes ---- */

static int take_secrets(struct linting *linting, const cJSON *document, struct error *err)
{
    const cJSON *secret = NULL;
    int rc = linting->secrets ? 0 : secrets_new(&linting->secrets, err);
    cJSON_ArrayForEach(secret, cJSON_GetObjectItemCaseSensitive(document, "secrets"))
    {
        const char *value = json_string(secret, "value", "");
        if (rc == 0)
            rc = secrets_add(linting->secrets, json_string(secret, "name", ""), value,
                             strlen(value), err);
    }
    return rc;
}

static void report_problems(struct linting *linting, const cJSON *document)
{
    const cJSON *problem = NULL;
    cJSON_ArrayForEach(problem, cJSON_GetObjectItemCaseSensitive(document, "problems"))
    {
        struct error err = { 0 };
        (void)error_set(&err, ERROR_INVALID, "%s", json_string(problem, "message", ""));
        error_at(&err, json_string(problem, "at.file", NULL), (int)json_int(problem, "at.line", 0));
        output_error(linting->invocation->output, &err);
        linting->recipe_problems++;
    }
}

/* A script of a recipe: what is written is in its file, what comes of it in the document. */
static int lint_recipe_script(struct linting *linting, const char *folder, const cJSON *script,
                              struct error *err)
{
    const char *path = json_string(script, "path", NULL), *text = json_string(script, "text", "");
    const cJSON *lines = cJSON_GetObjectItemCaseSensitive(script, "lines");
    char *name = path ? file_join(folder, path)
                      : text_format("%s:%d (inline)", json_string(script, "at.file", "?"),
                                    (int)json_int(script, "at.line", 0));
    struct target *target = name ? find_target(linting, name) : NULL;
    int rc = 0;
    if (name && !target) {
        target = add_target(linting, name);
        if (target && path)
            rc = file_read(name, LINT_TEXT_MAX, &target->text, err);
        else if (target)
            buffer_text(&target->text, text);
        if (target && rc == 0)
            rc = look(target, !path,
                      json_bool(script, "cache", false) ||
                          invocation_flag(linting->invocation, "cached"),
                      err);
    }
    free(name);
    if (!target)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    return rc < 0 ? rc : ask_tools(linting, target, text, path ? lines : NULL, err);
}

static int lint_recipe(struct linting *linting, const char *path, struct error *err)
{
    const cJSON *script = NULL;
    cJSON *document = NULL;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? text_dup_size(path, (size_t)(slash - path) + 1) : strdup(".");
    int rc = recipe_run(linting->invocation, path, &document, err);
    if (rc == 0)
        rc = take_secrets(linting, document, err);
    if (rc == 0)
        report_problems(linting, document);
    cJSON_ArrayForEach(script, cJSON_GetObjectItemCaseSensitive(document, "scripts"))
    {
        if (rc == 0 && folder && !text_equal(json_string(script, "source", NULL), "workspace"))
            rc = lint_recipe_script(linting, text_equal(folder, ".") ? "" : folder, script, err);
    }
    cJSON_Delete(document);
    free(folder);
    return rc;
}

/* ---- telling ---- */

/* A message that holds no secret; the caller frees. */
static char *safe_message(const struct linting *linting, const char *message)
{
    struct buffer out = { 0 };
    char *text = NULL;
    if (!linting->secrets)
        return strdup(message);
    secrets_redact(linting->secrets, message, strlen(message), &out);
    return buffer_detach(&out, &text, NULL, NULL) == 0 ? text : NULL;
}

static cJSON *finding_json(const struct linting *linting, const struct lint_finding *finding)
{
    char *message = safe_message(linting, finding->message);
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "rule", finding->rule->name);
    if (finding->code)
        cJSON_AddStringToObject(row, "code", finding->code);
    cJSON_AddStringToObject(row, "severity", lint_severity_name(finding->severity));
    cJSON_AddNumberToObject(row, "line", finding->line);
    cJSON_AddNumberToObject(row, "column", finding->column);
    cJSON_AddStringToObject(row, "message", message ? message : "");
    cJSON_AddStringToObject(row, "why", finding->rule->why);
    cJSON_AddStringToObject(row, "mend", finding->rule->mend);
    free(message);
    return row;
}

static void add_counts(cJSON *object, const size_t counts[LINT_SEVERITIES])
{
    cJSON_AddNumberToObject(object, "errors", (double)counts[LINT_ERROR]);
    cJSON_AddNumberToObject(object, "warnings", (double)counts[LINT_WARNING]);
    cJSON_AddNumberToObject(object, "hints", (double)counts[LINT_HINT]);
}

static cJSON *target_json(const struct linting *linting, const struct target *target)
{
    size_t count = 0, counts[LINT_SEVERITIES];
    const struct lint_finding *findings = lint_findings(target->lint, &count);
    cJSON *row = cJSON_CreateObject(), *list = cJSON_CreateArray();
    for (int i = 0; i < LINT_SEVERITIES; i++)
        counts[i] = lint_count(target->lint, (enum lint_severity)i);
    cJSON_AddStringToObject(row, "file", target->name);
    add_counts(row, counts);
    cJSON_AddNumberToObject(row, "dropped", (double)lint_dropped(target->lint));
    cJSON_AddItemToObject(row, "findings", list);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, finding_json(linting, &findings[i]));
    return row;
}

static void tell_json(struct linting *linting, const size_t counts[LINT_SEVERITIES])
{
    cJSON *document = cJSON_CreateObject(), *scripts = cJSON_CreateArray();
    for (size_t i = 0; i < linting->count; i++)
        cJSON_AddItemToArray(scripts, target_json(linting, &linting->targets[i]));
    add_counts(document, counts);
    cJSON_AddItemToObject(document, "scripts", scripts);
    cJSON_AddItemToObject(document, "notes", cJSON_Duplicate(linting->notes, true));
    if (linting->recipe_problems > 0)
        cJSON_AddItemToObject(document, "problems",
                              output_take_errors(linting->invocation->output));
    output_json(linting->invocation->output, document);
}

/* A finding; why and how to mend it only for the first one of a rule. */
static void tell_finding(const struct linting *linting, const char *name,
                         const struct lint_finding *finding, cJSON *seen)
{
    static const enum style styles[] = { STYLE_DIM, STYLE_YELLOW, STYLE_RED };
    const struct output *output = linting->invocation->output;
    const struct lint_rule *rule = finding->rule;
    struct buffer text = { 0 };
    char *message = safe_message(linting, finding->message);
    output_escape(&text, name, false);
    buffer_format(&text, ":%d:%d: %s%s%s: ", finding->line, finding->column,
                  output_style(output->colour_out, styles[finding->severity]),
                  lint_severity_name(finding->severity),
                  output_style(output->colour_out, STYLE_PLAIN));
    output_escape(&text, message ? message : "", false);
    buffer_format(&text, " (%s)\n", finding->code ? finding->code : rule->name);
    if (!cJSON_HasObjectItem(seen, rule->name)) {
        cJSON_AddTrueToObject(seen, rule->name);
        buffer_format(&text, "    why:  %s\n    mend: %s\n", rule->why, rule->mend);
    }
    output_print(output, "%s", text.data ? text.data : "");
    buffer_clear(&text);
    free(message);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void tell_text(struct linting *linting, const size_t counts[LINT_SEVERITIES])
{
    const struct output *output = linting->invocation->output;
    const cJSON *line = NULL;
    cJSON *seen = cJSON_CreateObject();
    for (size_t i = 0; i < linting->count; i++) {
        struct target *target = &linting->targets[i];
        size_t count = 0;
        const struct lint_finding *findings = lint_findings(target->lint, &count);
        for (size_t k = 0; k < count; k++)
            tell_finding(linting, target->name, &findings[k], seen);
        if (lint_dropped(target->lint) > 0)
            output_print(output, "%s: %zu more\n", target->name, lint_dropped(target->lint));
    }
    cJSON_Delete(seen);
    cJSON_ArrayForEach(line, linting->notes)
    {
        struct buffer text = { 0 };
        output_escape(&text, cJSON_IsString(line) ? line->valuestring : "", false);
        output_note(output, "note: %s\n", text.data ? text.data : "");
        buffer_clear(&text);
    }
    size_t total = counts[LINT_ERROR] + counts[LINT_WARNING] + counts[LINT_HINT];
    if (total == 0)
        output_print(output, "nothing found in %zu script%s\n", linting->count,
                     plural(linting->count));
    else
        output_print(output, "%zu error%s, %zu warning%s, %zu hint%s in %zu script%s\n",
                     counts[LINT_ERROR], plural(counts[LINT_ERROR]), counts[LINT_WARNING],
                     plural(counts[LINT_WARNING]), counts[LINT_HINT], plural(counts[LINT_HINT]),
                     linting->count, plural(linting->count));
}

static int tell(struct linting *linting)
{
    size_t counts[LINT_SEVERITIES] = { 0 };
    if (linting->no_shellcheck)
        cJSON_AddItemToArray(
            linting->notes,
            cJSON_CreateString("shellcheck is not installed: its findings are missing"));
    for (size_t i = 0; i < linting->count; i++)
        for (int k = 0; k < LINT_SEVERITIES; k++)
            counts[k] += lint_count(linting->targets[i].lint, (enum lint_severity)k);
    if (linting->invocation->output->json)
        tell_json(linting, counts);
    else
        tell_text(linting, counts);
    bool strict = invocation_flag(linting->invocation, "strict");
    bool failed = counts[LINT_ERROR] > 0 || (strict && counts[LINT_WARNING] > 0) ||
                  linting->recipe_problems > 0;
    return failed ? EXIT_FAILED : EXIT_DONE;
}

static int tell_rules(const struct invocation *invocation)
{
    cJSON *document = cJSON_CreateObject(), *rules = cJSON_AddArrayToObject(document, "rules");
    const struct lint_rule *rule = NULL;
    for (size_t i = 0; (rule = lint_rule(i)); i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "rule", rule->name);
        cJSON_AddStringToObject(row, "severity", lint_severity_name(rule->severity));
        cJSON_AddStringToObject(row, "summary", rule->summary);
        cJSON_AddStringToObject(row, "why", rule->why);
        cJSON_AddStringToObject(row, "mend", rule->mend);
        cJSON_AddItemToArray(rules, row);
        if (!invocation->output->json)
            output_print(invocation->output, "%s (%s)\n    %s\n    why:  %s\n    mend: %s\n",
                         rule->name, lint_severity_name(rule->severity), rule->summary, rule->why,
                         rule->mend);
    }
    if (invocation->output->json)
        output_json(invocation->output, document);
    else
        cJSON_Delete(document);
    return EXIT_DONE;
}

static int run_lint(struct invocation *invocation, struct error *err)
{
    struct linting linting = { .invocation = invocation };
    int rc = 0;
    if (invocation_flag(invocation, "rules"))
        return tell_rules(invocation);
    if (invocation->argument_count == 0)
        return error_set(err, ERROR_USAGE, "setup lint needs SCRIPT… or RECIPE");
    if (!(linting.notes = cJSON_CreateArray()))
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    for (size_t i = 0; i < invocation->argument_count && rc == 0; i++) {
        const char *path = invocation->arguments[i];
        rc = text_ends(path, ".lua") ? lint_recipe(&linting, path, err)
                                     : lint_script(&linting, path, err);
    }
    if (rc == 0)
        rc = tell(&linting);
    linting_clear(&linting);
    return rc;
}

static const struct option_row lint_options[] = {
    { "cached", 0, NULL, "the scripts are used with cache = true", COMPLETES_NOTHING, NULL },
    { "strict", 0, NULL, "exit with 1 for warnings too", COMPLETES_NOTHING, NULL },
    { "rules", 0, NULL, "list the rules, and why they are", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_setup_lint = {
    .name = "setup lint",
    .arguments = "SCRIPT…|RECIPE…",
    .arguments_max = -1,
    .summary = "what is wrong with setup scripts",
    .details =
        "Looks at scripts without running them: our own rules (--rules tells them), the shell's\n"
        "own reading (bash -n), and shellcheck where it is installed. Places are those of the\n"
        "template. A recipe is looked at through the scripts that it uses, with its variables;\n"
        "'-' is standard input.\n"
        "'# moonfleet: disable=RULE' in a script switches a rule off: for the next line, or for\n"
        "all of the script before its first command.\n"
        "Exit status: 1 when there are errors.\n"
        "--json: "
        "{\"errors\",\"warnings\",\"hints\",\"scripts\":[{\"file\",\"errors\",\"warnings\",\n"
        "\"hints\",\"dropped\",\"findings\":[{\"rule\",\"code\",\"severity\":\"error\"|\"warning\"|"
        "\"hint\",\n"
        "\"line\",\"column\",\"message\",\"why\",\"mend\"}]}],\"notes\":[text],\"problems\":[…]}; "
        "code "
        "is\n"
        "shellcheck's (SC2086), problems are the recipe's. With --rules: {\"rules\":[{\"rule\",\n"
        "\"severity\",\"summary\",\"why\",\"mend\"}]}.",
    .examples = "moonfleet setup lint setup/tools.sh\n"
                "moonfleet setup lint fleet.lua --strict\tthe scripts of a recipe\n"
                "moonfleet setup lint --rules",
    .options = lint_options,
    .needs = NEEDS_RECIPE,
    .completes = COMPLETES_FILE,
    .run = run_lint,
};
