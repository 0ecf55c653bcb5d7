/* lint_secrets.c - secrets in plain text: tokens of well-known shapes anywhere, and values beside
 * names such as `password` in words and here-documents.  Messages never hold the value. */
#include "setup/lint_private.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

#define WINDOW 256

/* A token: how it begins, and at least how much of which characters follows. */
struct shape {
    const char *begins;
    size_t least;
    const char *beside; /* what may stand in it beside letters and digits */
    const char *what;
};

static const struct shape shapes[] = {
    { "ghp_", 36, "", "a GitHub token" },
    { "gho_", 36, "", "a GitHub token" },
    { "ghu_", 36, "", "a GitHub token" },
    { "ghs_", 36, "", "a GitHub token" },
    { "ghr_", 36, "", "a GitHub token" },
    { "github_pat_", 50, "_", "a GitHub token" },
    { "glpat-", 20, "_-", "a GitLab token" },
    { "xoxb-", 20, "-", "a Slack token" },
    { "xoxp-", 20, "-", "a Slack token" },
    { "AKIA", 16, "", "an access key of AWS" },
    { "ASIA", 16, "", "an access key of AWS" },
    { "AIza", 35, "_-", "a key of Google" },
    { "npm_", 36, "", "an npm token" },
    { "pypi-AgE", 50, "_-", "a PyPI token" },
    { "hf_", 30, "", "a Hugging Face token" },
    { "sk-", 32, "_-", "an API key" },
    { "dapi", 32, "", "a Databricks token" },
    { "dop_v1_", 64, "", "a DigitalOcean token" },
    { "AccountKey=", 40, "+/=", "the key of a storage account" },
    { "SharedAccessKey=", 40, "+/=", "a shared access key" },
    { "SharedAccessSignature=", 40, "+/=%&-:", "a shared access signature" },
    { "sig=", 40, "%+/=", "a shared access signature" },
    { "Bearer ", 20, "._~+/=-", "a bearer token" },
    { "bearer ", 20, "._~+/=-", "a bearer token" },
};

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool holds(const char *text, size_t size, const char *part)
{
    return memmem(text, size, part, strlen(part)) != NULL;
}

/* Texts that stand for a secret in examples. */
static bool is_fake(const char *text, size_t size)
{
    bool seen[256] = { false };
    size_t distinct = 0;
    for (size_t i = 0; i < size; i++) {
        distinct += !seen[(unsigned char)text[i]];
        seen[(unsigned char)text[i]] = true;
    }
    return distinct < 6 || holds(text, size, "EXAMPLE") || holds(text, size, "example") ||
           holds(text, size, "XXXX") || holds(text, size, "xxxx") || holds(text, size, "....");
}

/* How much of what may follow stands at `text`. */
static size_t span(const char *text, size_t size, const char *beside)
{
    size_t i = 0;
    while (i < size && text[i] && (is_alnum(text[i]) || strchr(beside, text[i])))
        i++;
    return i;
}

static bool has_digit(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] >= '0' && text[i] <= '9')
            return true;
    return false;
}

/* What is looked at from `at` on: enough to tell, and never much. */
static size_t window(const struct lint *lint, size_t at)
{
    size_t size = lint->size - at;
    return size < WINDOW ? size : WINDOW;
}

static void check_shapes(struct lint *lint, size_t at)
{
    const char *text = lint->text + at;
    size_t size = window(lint, at);
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t head = strlen(shapes[i].begins);
        if (size < head + shapes[i].least || memcmp(text, shapes[i].begins, head) != 0)
            continue;
        size_t most = shapes[i].least + 16; /* the rest would tell no more */
        size_t rest = span(text + head, size - head < most ? size - head : most, shapes[i].beside);
        if (rest >= shapes[i].least && has_digit(text + head, rest) &&
            !is_fake(text + head, rest)) {
            bool named = !is_alnum(text[head - 1]) && strchr("= ", text[head - 1]);
            lint_report(lint, RULE_SECRET, (uint32_t)(named ? at + head : at),
                        "%s stands here in plain text", shapes[i].what);
            return;
        }
    }
}

/* eyJ… . … . … */
static void check_web_token(struct lint *lint, size_t at)
{
    const char *text = lint->text + at;
    size_t end = 0;
    for (int part = 0; part < 3; part++) {
        size_t size = window(lint, at + end), length = span(text + end, size, "_-");
        end += length;
        if (length < 10 || (part < 2 && (length >= size || text[end++] != '.')))
            return;
    }
    if (!is_fake(text, end))
        lint_report(lint, RULE_SECRET, (uint32_t)at, "a signed token stands here in plain text");
}

/* -----BEGIN … PRIVATE KEY----- and a key behind it. */
static void check_private_key(struct lint *lint, size_t at)
{
    const char *text = lint->text + at;
    size_t size = lint->size - at, head = size < 80 ? size : 80;
    const char *end = memmem(text, head, "PRIVATE KEY-----", 16);
    if (!end || memchr(text, '\n', (size_t)(end - text)))
        return;
    end += 16;
    size_t left = size - (size_t)(end - text);
    while (left > 0 && (*end == '\r' || *end == '\n' || *end == ' ' || *end == '\\'))
        end++, left--;
    if (left > 0 && *end == 'n' && end[-1] == '\\')
        end++, left--;
    if (span(end, left, "+/=") >= 16)
        lint_report(lint, RULE_SECRET, (uint32_t)at, "a private key stands here in plain text");
}

/* scheme://user:password@host */
static void check_url(struct lint *lint, size_t at)
{
    const char *text = lint->text + at + 3;
    size_t size = lint->size - at - 3;
    size_t user = span(text, size, "._%+-"), from = user + 1;
    if (user == 0 || user >= size || text[user] != ':')
        return;
    size_t to = from;
    while (to < size && to - from < 200 && text[to] > ' ' && !strchr("@/$`{}<>\"'\\", text[to]))
        to++;
    if (to < size && text[to] == '@' && to - from >= 3 &&
        !is_fake(text + from - 3, to - from + 3) && !holds(text + from, to - from, "password") &&
        !holds(text + from, to - from, "token"))
        lint_report(lint, RULE_SECRET, (uint32_t)(at + 3 + from),
                    "a password stands here in an address, in plain text");
}

void lint_check_tokens(struct lint *lint)
{
    bool first[256] = { false };
    for (size_t i = 0; i < COUNT(shapes); i++)
        first[(unsigned char)shapes[i].begins[0]] = true;
    for (size_t at = 0; at < lint->size; at++) {
        char c = lint->text[at];
        bool begins = at == 0 || !(is_alnum(lint->text[at - 1]) || lint->text[at - 1] == '_');
        if (begins && first[(unsigned char)c])
            check_shapes(lint, at);
        if (begins && c == 'e' && lint->size - at > 36 && memcmp(lint->text + at, "eyJ", 3) == 0)
            check_web_token(lint, at);
        if (c == '-' && lint->size - at > 20 && memcmp(lint->text + at, "-----BEGIN ", 11) == 0)
            check_private_key(lint, at);
        if (c == ':' && lint->size - at > 8 && memcmp(lint->text + at, "://", 3) == 0)
            check_url(lint, at);
    }
}

/* ---- a value beside a name ---- */

enum name_kind { NAME_OTHER, NAME_PASSWORD, NAME_KEY };

/* The name's last part tells: "DB_PASSWORD", "client-secret". */
static enum name_kind kind_of(const char *name, size_t size)
{
    static const struct {
        const char *end;
        enum name_kind kind;
    } ends[] = {
        { "password", NAME_PASSWORD },   { "passwd", NAME_PASSWORD }, { "pwd", NAME_PASSWORD },
        { "passphrase", NAME_PASSWORD }, { "secret", NAME_KEY },      { "token", NAME_KEY },
        { "apikey", NAME_KEY },          { "api_key", NAME_KEY },     { "access_key", NAME_KEY },
        { "account_key", NAME_KEY },     { "accountkey", NAME_KEY },  { "secret_key", NAME_KEY },
        { "private_key", NAME_KEY },     { "accesskey", NAME_KEY },   { "auth_key", NAME_KEY },
    };
    char folded[64];
    if (size == 0 || size >= sizeof folded)
        return NAME_OTHER;
    for (size_t i = 0; i < size; i++)
        folded[i] =
            (char)(name[i] == '-' || name[i] == '.' ? '_' : tolower((unsigned char)name[i]));
    folded[size] = '\0';
    for (size_t i = 0; i < COUNT(ends); i++)
        if (text_ends(folded, ends[i].end))
            return ends[i].kind;
    return NAME_OTHER;
}

static bool is_placeholder(const char *text, size_t size)
{
    static const char *const words[] = { "change",  "example",  "placeholder", "your",   "xxx",
                                         "dummy",   "todo",     "redacted",    "none",   "null",
                                         "true",    "false",    "required",    "prompt", "password",
                                         "secret",  "disabled", "enabled",     "stdin",  "optional",
                                         "default", "token",    "file:",       "env:" };
    char folded[40];
    size_t length = size < sizeof folded - 1 ? size : sizeof folded - 1;
    for (size_t i = 0; i < length; i++)
        folded[i] = (char)tolower((unsigned char)text[i]);
    folded[length] = '\0';
    for (size_t i = 0; i < COUNT(words); i++)
        if (strstr(folded, words[i]))
            return true;
    return size == 0 || memchr(text, text[0], size) == NULL || strspn(folded, "*.-_ ") == length;
}

/* Could these bytes be a secret themselves, rather than stand for one? */
static bool is_value(enum name_kind kind, const char *text, size_t size)
{
    bool letter = false, digit = false;
    if (size < (kind == NAME_PASSWORD ? 4 : 12) || size > 4096 || strchr("/.~@%-:", text[0]) ||
        (size > 4 && memcmp(text, "http", 4) == 0))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (strchr("$`{}<>()[]*\\|\1", text[i]))
            return false;
        letter |= isalpha((unsigned char)text[i]) != 0;
        digit |= text[i] >= '0' && text[i] <= '9';
    }
    if (kind == NAME_KEY && (!letter || !digit || is_fake(text, size)))
        return false;
    return !is_placeholder(text, size);
}

static bool is_name_byte(char c)
{
    return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

/* The name that ends before `at`, blanks and quotes left out; 0: none. */
static size_t name_before(const char *text, size_t at, size_t *out_from)
{
    size_t to = at;
    while (to > 0 && at - to < 4 && strchr(" \t\"'", text[to - 1]))
        to--;
    size_t from = to;
    while (from > 0 && to - from < 64 && is_name_byte(text[from - 1]))
        from--;
    *out_from = from;
    return to - from;
}

/* Where the value behind `at` begins and ends. */
static size_t value_behind(const char *text, size_t size, size_t at, size_t *out_to)
{
    while (at < size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    const char *stops = " \t\r\n;,&\"'";
    if (at < size && (text[at] == '"' || text[at] == '\'')) {
        stops = text[at] == '"' ? "\"\n" : "'\n";
        at++;
    }
    size_t to = at;
    while (to < size && to - at <= 4096 && text[to] && !strchr(stops, text[to]))
        to++;
    *out_to = to;
    return at;
}

static void report(struct lint *lint, enum name_kind kind, uint32_t place)
{
    lint_report(lint, RULE_SECRET, place, "%s stands here in plain text",
                kind == NAME_PASSWORD ? "a password" : "a key or token");
}

/* name=value and name: value in a text; `whole`: a word that begins with a name is a value to its
 * end ("password=two words"). */
static void check_pairs(struct lint *lint, const struct shell_script *script,
                        struct shell_piece piece, bool is_document)
{
    const char *text = shell_piece_text(script, piece);
    for (size_t i = 1; i < piece.size; i++) {
        size_t from = 0, to = 0;
        bool colon = text[i] == ':' && i + 1 < piece.size && strchr(" \"'\t", text[i + 1]);
        if (text[i] != '=' && !colon)
            continue;
        size_t length = name_before(text, i, &from);
        enum name_kind kind = kind_of(text + from, length);
        if (kind == NAME_OTHER || (from > 0 && strchr("$\1{", text[from - 1])))
            continue;
        size_t value = value_behind(text, piece.size, i + 1, &to);
        if (!is_document && text[i] == '=' && value > i + 1 && text[i + 1] == ' ')
            continue; /* a sentence */
        if (is_value(kind, text + value, to - value))
            report(lint, kind, script->places[piece.at + value]);
        i = to > i ? to : i;
    }
}

/* --password VALUE, curl -u NAME:VALUE */
static void check_option(struct lint *lint, const struct shell_script *script, const char *command,
                         uint32_t word)
{
    const struct script_word *value = &script->words[script->words[word].next];
    const char *text = lint_word_text(script, word);
    const char *next = shell_piece_text(script, value->text);
    bool user = (text_equal(command, "curl") || text_equal(command, "wget")) &&
                (text_equal(text, "-u") || text_equal(text, "--user"));
    const char *colon = user ? strchr(next, ':') : NULL;
    enum name_kind kind = text_starts(text, "--") && !strchr(text, '=')
                              ? kind_of(text + 2, strlen(text + 2))
                              : NAME_OTHER;
    if (kind != NAME_OTHER && is_value(kind, next, value->text.size))
        report(lint, kind, value->place);
    if (colon && is_value(NAME_PASSWORD, colon + 1, strlen(colon + 1)))
        report(lint, NAME_PASSWORD, value->place);
}

void lint_check_word_secrets(struct lint *lint, const struct shell_script *script,
                             const struct shell_command *command)
{
    const char *name = command->first_word ? lint_word_text(script, command->first_word) : "";
    for (uint32_t word = command->first_word; word; word = script->words[word].next) {
        check_pairs(lint, script, script->words[word].text, false);
        if (script->words[word].next)
            check_option(lint, script, name, word);
    }
}

void lint_check_input_secrets(struct lint *lint, const struct shell_script *script)
{
    for (size_t i = 1; i < script->input_count; i++)
        check_pairs(lint, script, script->inputs[i].text, true);
}
