/* random.h - random numbers, uuids, digests, base64: thin names over OpenSSL. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define UUID_TEXT_SIZE 37
#define DIGEST_TEXT_SIZE 65

/* Cryptographically strong; aborts when the machine has no randomness. */
void random_bytes(void *out, size_t size);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(uint64_t bound);

/* A random (version 4) UUID in lower case. */
void uuid_make(char out[UUID_TEXT_SIZE]);
/* For many that are no secrets (ids of requests): randomness is fetched for 64 at a time, which
 * makes one five times cheaper.  Begin with a pool of zeros. */
#define UUID_POOL_SIZE 64
struct uuid_pool {
    size_t left;
    unsigned char bytes[UUID_POOL_SIZE][16];
};
void uuid_pool_make(struct uuid_pool *pool, char out[UUID_TEXT_SIZE]);
/* Well-formed 8-4-4-4-12 hexadecimal text? NULL is not. */
bool uuid_is_valid(const char *text);
/* A name-based UUID (version 5 layout, SHA-256): the same for the same text. */
void uuid_of_text(const char *text, char out[UUID_TEXT_SIZE]);

/* SHA-256 as 64 lower-case hex digits. */
void digest_hex(const void *data, size_t size, char out[DIGEST_TEXT_SIZE]);

/* RFC 4648 with padding.  The decoder takes both alphabets, with or without padding, and nothing
 * else (no white space): ERROR_SYNTAX. */
void base64_encode(const void *data, size_t size, struct buffer *out);
int base64_decode(const char *text, size_t size, struct buffer *out);

#endif
