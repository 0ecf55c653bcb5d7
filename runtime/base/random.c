/* random.c - see random.h: thin names over OpenSSL. */
#include "base/random.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

void random_bytes(void *out, size_t size)
{
    unsigned char *p = out;
    while (size > 0) {
        int part = size > INT_MAX ? INT_MAX : (int)size;
        if (RAND_bytes(p, part) != 1)
            abort(); /* a guessable uuid or token would be worse */
        p += part;
        size -= (size_t)part;
    }
}

uint64_t random_below(uint64_t bound)
{
    assert(bound > 0);
    uint64_t surplus = (0 - bound) % bound; /* 2^64 mod bound: values below it are one too many */
    uint64_t value;
    do
        random_bytes(&value, sizeof value);
    while (value < surplus);
    return value % bound;
}

static void write_hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = hex[bytes[i] >> 4];
        *out++ = hex[bytes[i] & 15];
    }
    *out = '\0';
}

/* Sets version and variant (RFC 9562) and writes the text. */
static void write_uuid(unsigned char bytes[16], int version, char out[UUID_TEXT_SIZE])
{
    char hex[33];
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | (version << 4));
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    write_hex(bytes, 16, hex);
    for (const char *p = hex; *p; p++) {
        size_t i = (size_t)(p - hex);
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *out++ = '-';
        *out++ = *p;
    }
    *out = '\0';
}

void uuid_make(char out[UUID_TEXT_SIZE])
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    write_uuid(bytes, 4, out);
}

void uuid_pool_make(struct uuid_pool *pool, char out[UUID_TEXT_SIZE])
{
    if (pool->left == 0) {
        random_bytes(pool->bytes, sizeof pool->bytes);
        pool->left = UUID_POOL_SIZE;
    }
    write_uuid(pool->bytes[--pool->left], 4, out);
}

bool uuid_is_valid(const char *text)
{
    if (!text || strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
        return false;
    for (int i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    }
    return true;
}

static void sha256(const void *data, size_t size, unsigned char out[32])
{
    if (EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* no memory, or an OpenSSL without SHA-256: nothing here would be right */
}

void uuid_of_text(const char *text, char out[UUID_TEXT_SIZE])
{
    unsigned char digest[32];
    sha256(text, strlen(text), digest);
    write_uuid(digest, 5, out);
}

void digest_hex(const void *data, size_t size, char out[DIGEST_TEXT_SIZE])
{
    unsigned char digest[32];
    sha256(data, size, digest);
    write_hex(digest, sizeof digest, out);
}

void base64_encode(const void *data, size_t size, struct buffer *out)
{
    const unsigned char *p = data;
    char text[1025];
    while (size > 0) {
        int part = size > 768 ? 768 : (int)size; /* a multiple of 3: no padding in the middle */
        int length = EVP_EncodeBlock((unsigned char *)text, p, part);
        buffer_append(out, text, (size_t)length);
        p += part;
        size -= (size_t)part;
    }
}

/* The six bits of a character of either alphabet; -1 for any other. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

int base64_decode(const char *text, size_t size, struct buffer *out)
{
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    if (padding > 0 && size % 4 != 0)
        return ERROR_SYNTAX;
    size -= padding;
    if (size % 4 == 1)
        return ERROR_SYNTAX;

    size_t before = out->size;
    uint32_t bits = 0;
    int count = 0;
    char part[768];
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        int value = sextet(text[i]);
        if (value < 0)
            goto malformed;
        bits = (bits << 6 | (uint32_t)value) & 0xFFFFFF;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        part[used++] = (char)(bits >> count & 0xFF);
        if (used == sizeof part) {
            buffer_append(out, part, used);
            used = 0;
        }
    }
    if (bits & ((1u << count) - 1)) /* bits that no encoder leaves set: two texts for one value */
        goto malformed;
    buffer_append(out, part, used);
    return out->failed;
malformed:
    out->size = before;
    if (out->data)
        out->data[before] = '\0';
    return ERROR_SYNTAX;
}
