/* secrets_file.c - see secrets_file.h. */
#include "cli/secrets_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "setup/secrets.h"

/* Where we are: one line, without its end. */
struct line {
    const char *path;
    int number;
    const char *at, *end;
};

static int wrong(const struct line *line, const char *what, struct error *err)
{
    int rc = error_set(err, ERROR_SYNTAX, "%s", what);
    error_at(err, line->path, line->number);
    return rc;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct line *line)
{
    while (line->at < line->end && is_blank(*line->at))
        line->at++;
}

static int read_double(struct line *line, struct buffer *out, struct error *err)
{
    static const char from[] = "nt\"\\$";
    static const char to[] = "\n\t\"\\$";
    for (line->at++; line->at < line->end && *line->at != '"'; line->at++) {
        const char *known = NULL;
        if (*line->at == '\\' && line->at + 1 < line->end)
            known = strchr(from, line->at[1]);
        buffer_char(out, known ? to[known - from] : *line->at);
        line->at += known != NULL;
    }
    if (line->at == line->end)
        return wrong(line, "the value's quote has no end", err);
    line->at++;
    return 0;
}

static int read_value(struct line *line, struct buffer *out, struct error *err)
{
    int rc = 0;
    skip_blanks(line);
    if (line->at < line->end && *line->at == '"') {
        rc = read_double(line, out, err);
    } else if (line->at < line->end && *line->at == '\'') {
        const char *start = line->at + 1;
        const char *quote = memchr(start, '\'', (size_t)(line->end - start));
        if (!quote)
            return wrong(line, "the value's quote has no end", err);
        buffer_append(out, start, (size_t)(quote - start));
        line->at = quote + 1;
    } else {
        const char *end = line->end;
        while (end > line->at && is_blank(end[-1]))
            end--;
        buffer_append(out, line->at, (size_t)(end - line->at));
        line->at = line->end;
    }
    skip_blanks(line);
    if (rc == 0 && line->at < line->end)
        return wrong(line, "there is something behind the quoted value", err);
    if (rc == 0 && (rc = buffer_check(out, "a secret", err)) < 0)
        error_at(err, line->path, line->number);
    return rc;
}

static int take_value(const struct line *line, cJSON *values, const char *name,
                      const struct buffer *value, struct error *err)
{
    if (cJSON_GetObjectItemCaseSensitive(values, name)) {
        int rc = error_set(err, ERROR_SYNTAX, "'%s' stands there twice", name);
        error_at(err, line->path, line->number);
        return rc;
    }
    return cJSON_AddStringToObject(values, name, value->data ? value->data : "")
               ? 0
               : error_set(err, ERROR_NO_MEMORY, "no memory for secrets");
}

static int read_line(struct line *line, cJSON *values, struct error *err)
{
    char name[SECRET_NAME_MAX + 1];
    struct buffer value = { .max = SECRET_VALUE_MAX * 2 };
    skip_blanks(line);
    if (line->at == line->end || *line->at == '#')
        return 0;
    if (line->end - line->at > 7 && memcmp(line->at, "export ", 7) == 0)
        line->at += 7;
    skip_blanks(line);
    const char *equals = memchr(line->at, '=', (size_t)(line->end - line->at));
    size_t size = equals ? (size_t)(equals - line->at) : 0;
    while (size > 0 && is_blank(line->at[size - 1]))
        size--;
    if (!equals || size >= sizeof name)
        return wrong(line, "a line is NAME=VALUE", err);
    memcpy(name, line->at, size);
    name[size] = '\0';
    if (!secret_name_valid(name))
        return wrong(line, "a name is made of letters, digits and '_', a letter first", err);
    line->at = equals + 1;
    int rc = read_value(line, &value, err);
    if (rc == 0)
        rc = take_value(line, values, name, &value, err);
    buffer_clear(&value);
    return rc;
}

int secrets_file_parse(const char *text, size_t size, const char *path, cJSON **out,
                       struct error *err)
{
    struct line line = { .path = path };
    const char *end = text + size;
    cJSON *values = cJSON_CreateObject();
    int rc = values ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for secrets");
    if (rc == 0 && !text_is_utf8(text, size)) {
        rc = error_set(err, ERROR_SYNTAX, "'%s' is not UTF-8 text", path);
    }
    for (const char *at = text; rc == 0 && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        line.number++;
        line.at = at;
        line.end = newline ? newline : end;
        at = newline ? newline + 1 : end;
        rc = read_line(&line, values, err);
    }
    if (rc == 0)
        *out = values;
    else
        cJSON_Delete(values);
    return rc;
}

/* Others who can read it have the secrets already. */
static int check_mode(const char *path, struct error *err)
{
    struct stat status = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool known = fd >= 0 && fstat(fd, &status) == 0;
    int errnum = errno;
    if (fd >= 0)
        (void)close(fd);
    if (!known)
        return error_system(err, errnum, "opening the secrets in '%s'", path);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return error_set(err, ERROR_DENIED, "the secrets in '%s' are somebody else's file", path);
    if (S_ISREG(status.st_mode) && (status.st_mode & 077) != 0)
        return error_set(err, ERROR_DENIED,
                         "others can read the secrets in '%s' (mode %04o): chmod 600 it", path,
                         (unsigned)(status.st_mode & 07777));
    return 0;
}

int secrets_file_read(const char *path, cJSON **out, struct error *err)
{
    struct buffer text = { 0 };
    int rc = check_mode(path, err);
    if (rc == 0)
        rc = file_read(path, SECRETS_FILE_MAX, &text, err);
    if (rc == 0)
        rc = secrets_file_parse(text.data ? text.data : "", text.size, path, out, err);
    buffer_clear(&text);
    return rc;
}
