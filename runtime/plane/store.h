/* store.h - the plane's memory: one SQLite database, written in transactions that many requests
 * share.
 *
 * The store knows SQL, files and versions, and nothing of ARM: each part of the plane asks with
 * statements of its own, which are prepared once and kept.  Durable means durable: WAL,
 * synchronous=FULL. */
#ifndef PLANE_STORE_H
#define PLANE_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define STORE_FILE "plane.db"
#define STORE_LOCK "plane.lock"

struct store;

/* Opens or makes the store in the folder (made 0700 when missing); NULL: one in memory.
 * ERROR_CONFLICT when another process has the folder, ERROR_TOO_NEW when a later release wrote it,
 * ERROR_SYNTAX when it is damaged, ERROR_IO, ERROR_NO_MEMORY.  *out_store is the caller's. */
int store_open(const char *folder, struct store **out_store, struct error *err);
/* Rolls back what was not committed.  NULL is fine. */
void store_free(struct store *store);

/* Was the store made by this very store_open()?  Then it is empty, and its first transaction is
 * still open: the caller puts the seed in and commits, so that there is never a store without its
 * seed. */
bool store_is_new(const struct store *store);

/* Opens a transaction unless one is open. */
int store_begin(struct store *store, struct error *err);
bool store_in_transaction(const struct store *store);
/* A failure for want of room on the disk has these as its `status` and `name`, for the answer. */
#define STORE_FULL_STATUS 507
#define STORE_FULL_NAME "InsufficientStorage"
/* Makes the open transaction durable; without one does nothing.  On failure everything since
 * store_begin() is undone, as it is when a write in between failed. */
int store_commit(struct store *store, struct error *err);
void store_rollback(struct store *store);

/* The statement of `sql` (a string literal: its address is the key) with its parameters bound:
 * `types` has one letter for each: 's' const char * (NULL: SQL null), 'i' int64_t, 'n' int.  Texts
 * are borrowed until store_done().  NULL when that fails; `err` tells.  A statement is used by one
 * at a time. */
sqlite3_stmt *store_query(struct store *store, struct error *err, const char *sql,
                          const char *types, ...);
/* The next row: 1, 0 at the end, or an error. */
int store_step(struct store *store, sqlite3_stmt *statement, struct error *err);
/* Ends with a statement; what its columns gave is gone.  NULL is fine. */
void store_done(sqlite3_stmt *statement);

/* A write: begins a transaction when none is open, runs the statement to its end.  A failure makes
 * the whole transaction fail at store_commit(), except ERROR_CONFLICT (a uniqueness rule), which
 * undoes only itself. */
int store_run(struct store *store, struct error *err, const char *sql, const char *types, ...);
/* Makes the open transaction fail at store_commit(): for a change that could not be made whole. */
void store_spoil(struct store *store);

/* Column `index` of the row; "" for SQL null.  Borrowed until the next step. */
const char *store_text(sqlite3_stmt *statement, int index);

/* One integer of one row, or `fallback`. */
int64_t store_integer(struct store *store, int64_t fallback, const char *sql, const char *types,
                      ...);

#endif
