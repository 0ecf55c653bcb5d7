/* directory_filter.c - see directory_filter.h.  The grammar: OData 4, "and" before "or". */
#include "plane/directory_filter.h"

#include <ctype.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/text.h"

#define DEPTH_MAX 32 /* parentheses in parentheses */
#define WORD_SIZE 32

enum node_kind { NODE_EQUAL, NODE_STARTS, NODE_AND, NODE_OR };

struct node {
    enum node_kind kind;
    enum directory_field field; /* EQUAL: is one of the names; STARTS: with the only one */
    size_t first_name, name_count;
    size_t left, right; /* AND, OR: indexes of nodes, smaller than its own */
};

struct directory_filter {
    struct node nodes[DIRECTORY_FILTER_NODES_MAX];
    size_t node_count; /* the last is the root */
    char **names;      /* owned */
    size_t name_count;
};

/* ---- words ---- */

struct reader {
    const char *at;
    struct directory_filter *filter;
    int depth;
    bool no_memory;
};

static void skip_space(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t");
}

/* A sign that stands next, and what is blank behind it. */
static bool eat(struct reader *reader, char sign)
{
    if (*reader->at != sign)
        return false;
    reader->at++;
    skip_space(reader);
    return true;
}

/* A whole word in any case; leaves it there when another one stands next. */
static bool eat_word(struct reader *reader, const char *word)
{
    size_t size = strlen(word);
    if (strncasecmp(reader->at, word, size) != 0 || isalnum((unsigned char)reader->at[size]))
        return false;
    reader->at += size;
    skip_space(reader);
    return true;
}

static bool read_word(struct reader *reader, char out[WORD_SIZE])
{
    size_t size = 0;
    while (isalpha((unsigned char)reader->at[size]))
        size++;
    if (size == 0 || size >= WORD_SIZE)
        return false;
    memcpy(out, reader->at, size);
    out[size] = '\0';
    reader->at += size;
    skip_space(reader);
    return true;
}

static bool read_field(struct reader *reader, enum directory_field *out)
{
    static const struct {
        const char *name;
        enum directory_field field;
    } fields[] = {
        { "id", DIRECTORY_FIELD_ID },        { "userPrincipalName", DIRECTORY_FIELD_UPN },
        { "mail", DIRECTORY_FIELD_UPN },     { "displayName", DIRECTORY_FIELD_DISPLAY_NAME },
        { "appId", DIRECTORY_FIELD_APP_ID },
    };
    char word[WORD_SIZE];
    if (!read_word(reader, word))
        return false;
    for (size_t i = 0; i < COUNT(fields); i++)
        if (text_equal_nocase(word, fields[i].name)) {
            *out = fields[i].field;
            return true;
        }
    return false;
}

static bool keep_name(struct reader *reader, struct buffer *text)
{
    struct directory_filter *filter = reader->filter;
    char *name = NULL;
    char **names = filter->name_count < DIRECTORY_FILTER_NAMES_MAX
                       ? realloc(filter->names, (filter->name_count + 1) * sizeof *names)
                       : NULL;
    if (names)
        filter->names = names;
    if (!names || buffer_detach(text, &name, NULL, NULL) < 0) {
        reader->no_memory = filter->name_count < DIRECTORY_FILTER_NAMES_MAX;
        buffer_clear(text);
        return false;
    }
    filter->names[filter->name_count++] = name;
    return true;
}

/* 'it''s' → it's */
static bool read_name(struct reader *reader)
{
    struct buffer text = { 0 };
    const char *from = reader->at;
    if (*from++ != '\'')
        return false;
    for (; *from && (*from != '\'' || from[1] == '\''); from++) {
        if (*from == '\'')
            from++;
        buffer_char(&text, *from);
    }
    if (*from != '\'') {
        buffer_clear(&text);
        return false;
    }
    reader->at = from + 1;
    skip_space(reader);
    return keep_name(reader, &text);
}

/* ---- conditions ---- */

/* Adds a node; its index, or DIRECTORY_FILTER_NODES_MAX when there is no room. */
static size_t add_node(struct reader *reader, const struct node *node)
{
    struct directory_filter *filter = reader->filter;
    if (filter->node_count == DIRECTORY_FILTER_NODES_MAX)
        return DIRECTORY_FILTER_NODES_MAX;
    filter->nodes[filter->node_count] = *node;
    return filter->node_count++;
}

static bool read_starts(struct reader *reader, struct node *node)
{
    node->kind = NODE_STARTS;
    return eat(reader, '(') && read_field(reader, &node->field) && eat(reader, ',') &&
           read_name(reader) && eat(reader, ')');
}

/* servicePrincipalNames/any(x:x eq '…'), as az asks for an application's principal. */
static bool read_any(struct reader *reader, struct node *node)
{
    char variable[WORD_SIZE], again[WORD_SIZE];
    node->field = DIRECTORY_FIELD_APP_ID;
    return eat(reader, '/') && eat_word(reader, "any") && eat(reader, '(') &&
           read_word(reader, variable) && eat(reader, ':') && read_word(reader, again) &&
           text_equal(variable, again) && eat_word(reader, "eq") && read_name(reader) &&
           eat(reader, ')');
}

static bool read_names(struct reader *reader)
{
    if (!eat(reader, '('))
        return false;
    do
        if (!read_name(reader))
            return false;
    while (eat(reader, ','));
    return eat(reader, ')');
}

static bool read_comparison(struct reader *reader, struct node *node)
{
    if (!read_field(reader, &node->field))
        return false;
    return eat_word(reader, "eq") ? read_name(reader)
                                  : eat_word(reader, "in") && read_names(reader);
}

static size_t read_or(struct reader *reader);

/* One condition, or what stands in parentheses; DIRECTORY_FILTER_NODES_MAX: neither. */
static size_t read_condition(struct reader *reader)
{
    struct node node = { .kind = NODE_EQUAL, .first_name = reader->filter->name_count };
    bool good;
    if (eat(reader, '(')) {
        size_t inner = ++reader->depth <= DEPTH_MAX ? read_or(reader) : DIRECTORY_FILTER_NODES_MAX;
        reader->depth--;
        return eat(reader, ')') ? inner : DIRECTORY_FILTER_NODES_MAX;
    }
    if (eat_word(reader, "startsWith"))
        good = read_starts(reader, &node);
    else if (eat_word(reader, "servicePrincipalNames"))
        good = read_any(reader, &node);
    else
        good = read_comparison(reader, &node);
    node.name_count = reader->filter->name_count - node.first_name;
    return good ? add_node(reader, &node) : DIRECTORY_FILTER_NODES_MAX;
}

/* Conditions joined by `word`. */
static size_t read_joined(struct reader *reader, const char *word, enum node_kind kind,
                          size_t (*read)(struct reader *))
{
    size_t left = read(reader);
    while (left < DIRECTORY_FILTER_NODES_MAX && eat_word(reader, word)) {
        size_t right = read(reader);
        if (right == DIRECTORY_FILTER_NODES_MAX)
            return right;
        left = add_node(reader, &(struct node) { .kind = kind, .left = left, .right = right });
    }
    return left;
}

static size_t read_and(struct reader *reader)
{
    return read_joined(reader, "and", NODE_AND, read_condition);
}

static size_t read_or(struct reader *reader) /* NOLINT(misc-no-recursion): DEPTH_MAX */
{
    return read_joined(reader, "or", NODE_OR, read_and);
}

int directory_filter_read(const char *text, struct directory_filter **out)
{
    struct directory_filter *filter = calloc(1, sizeof *filter);
    struct reader reader = { .at = text, .filter = filter };
    if (!filter)
        return ERROR_NO_MEMORY;
    skip_space(&reader);
    bool good = read_or(&reader) < DIRECTORY_FILTER_NODES_MAX && *reader.at == '\0';
    if (good) {
        *out = filter;
        return 0;
    }
    directory_filter_free(filter);
    return reader.no_memory ? ERROR_NO_MEMORY : ERROR_SYNTAX;
}

void directory_filter_free(struct directory_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->name_count; i++)
        free(filter->names[i]);
    free(filter->names);
    free(filter);
}

/* ---- asking ---- */

static bool node_passes(const struct directory_filter *filter, const struct node *node,
                        const struct directory_entry *entry)
{
    const char *value = entry->values[node->field];
    for (size_t i = 0; value && i < node->name_count; i++) {
        const char *name = filter->names[node->first_name + i];
        if (node->kind == NODE_STARTS ? text_starts_nocase(value, name)
                                      : text_equal_nocase(value, name))
            return true;
    }
    return false;
}

/* Nodes stand behind those that they join, so one walk knows them all. */
bool directory_filter_passes(const struct directory_filter *filter,
                             const struct directory_entry *entry)
{
    bool passes[DIRECTORY_FILTER_NODES_MAX] = { false };
    for (size_t i = 0; i < filter->node_count; i++) {
        const struct node *node = &filter->nodes[i];
        if (node->kind == NODE_AND)
            passes[i] = passes[node->left] && passes[node->right];
        else if (node->kind == NODE_OR)
            passes[i] = passes[node->left] || passes[node->right];
        else
            passes[i] = node_passes(filter, node, entry);
    }
    return filter->node_count > 0 && passes[filter->node_count - 1];
}

bool directory_filter_is_names(const struct directory_filter *filter,
                               enum directory_field *out_field, char *const **out_names,
                               size_t *out_count)
{
    if (filter->node_count != 1 || filter->nodes[0].kind != NODE_EQUAL)
        return false;
    *out_field = filter->nodes[0].field;
    *out_names = filter->names;
    *out_count = filter->name_count;
    return true;
}
