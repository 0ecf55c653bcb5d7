/* store.c - SQLite behind store.h: opening, locking, migrating, transactions, cached statements. */
#include "plane/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uthash.h>

#include "base/file.h"
#include "base/text.h"

#define BUSY_TIMEOUT_MS 2000
#define CACHE_KIB "-16384" /* PRAGMA cache_size: negative counts KiB */

struct statement {
    const char *sql; /* its address is the key */
    sqlite3_stmt *handle;
    UT_hash_handle hh;
};

struct store {
    sqlite3 *db;
    int lock_fd; /* -1: in memory */
    bool is_new;
    bool open;        /* a transaction is */
    bool broken;      /* a write of the open transaction failed: it must not be committed */
    struct error why; /* … the first such failure; code 0: not known */
    struct statement *statements;
};

/* Each entry takes the schema from its index to the next version.  Never change one that was
 * released: add. */
static const char *const migrations[] = {
    /* 0 → 1 */
    "CREATE TABLE schema_version (version INTEGER NOT NULL);"
    "INSERT INTO schema_version VALUES (0);"
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE locations (name TEXT PRIMARY KEY COLLATE NOCASE, display_name TEXT NOT NULL);"
    "CREATE TABLE subscriptions (id TEXT PRIMARY KEY COLLATE NOCASE, body TEXT NOT NULL) WITHOUT "
    "ROWID;"
    "CREATE TABLE resource_groups (subscription TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL "
    "COLLATE NOCASE,"
    " body TEXT NOT NULL, PRIMARY KEY (subscription, name)) WITHOUT ROWID;"
    "CREATE TABLE workspaces (key INTEGER PRIMARY KEY, subscription TEXT NOT NULL COLLATE NOCASE,"
    " resource_group TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE, location "
    "TEXT NOT NULL,"
    " body TEXT NOT NULL, UNIQUE (subscription, resource_group, name));"
    "CREATE TABLE computes (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " workspace INTEGER NOT NULL REFERENCES workspaces (key), name TEXT NOT NULL COLLATE NOCASE,"
    " subscription TEXT NOT NULL COLLATE NOCASE, location TEXT NOT NULL, family TEXT NOT NULL, "
    "cores INTEGER NOT NULL,"
    " state TEXT NOT NULL, provisioning TEXT NOT NULL, operation TEXT, body TEXT NOT NULL,"
    " UNIQUE (workspace, name), UNIQUE (location, name));"
    "CREATE TABLE operations (id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL,"
    " subscription TEXT NOT NULL COLLATE NOCASE, location TEXT NOT NULL, compute TEXT NOT NULL, "
    "name TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER, error TEXT) WITHOUT ROWID;"
    "CREATE INDEX operations_running ON operations (started_ms) WHERE ended_ms IS NULL;"
    "CREATE INDEX operations_ended ON operations (ended_ms) WHERE ended_ms IS NOT NULL;"
    /* What computes use of their quota, kept by the database itself so that it can never disagree.
     */
    "CREATE TABLE usages (subscription TEXT NOT NULL COLLATE NOCASE, location TEXT NOT NULL, "
    "family TEXT NOT NULL,"
    " cores INTEGER NOT NULL, computes INTEGER NOT NULL, PRIMARY KEY (subscription, location, "
    "family)) WITHOUT ROWID;"
    "CREATE TRIGGER computes_counted AFTER INSERT ON computes BEGIN"
    " INSERT INTO usages VALUES (NEW.subscription, NEW.location, NEW.family, NEW.cores, 1)"
    "  ON CONFLICT DO UPDATE SET cores = cores + excluded.cores, computes = computes + 1; END;"
    "CREATE TRIGGER computes_uncounted AFTER DELETE ON computes BEGIN"
    " UPDATE usages SET cores = cores - OLD.cores, computes = computes - 1"
    "  WHERE subscription = OLD.subscription AND location = OLD.location AND family = OLD.family; "
    "END;"
    "CREATE TABLE principals (id TEXT PRIMARY KEY COLLATE NOCASE, kind TEXT NOT NULL, upn TEXT "
    "COLLATE NOCASE,"
    " display_name TEXT NOT NULL COLLATE NOCASE, app_id TEXT COLLATE NOCASE, body TEXT NOT NULL) "
    "WITHOUT ROWID;"
    "CREATE UNIQUE INDEX principals_upn ON principals (upn) WHERE upn IS NOT NULL;"
    "CREATE INDEX principals_name ON principals (kind, display_name);"
    "CREATE TABLE members (group_id TEXT NOT NULL COLLATE NOCASE, member_id TEXT NOT NULL COLLATE "
    "NOCASE,"
    " PRIMARY KEY (group_id, member_id)) WITHOUT ROWID;",
    /* Whose member is somebody; limits that were set after the seed. */
    "CREATE INDEX members_member ON members (member_id);"
    "CREATE INDEX principals_app ON principals (app_id) WHERE app_id IS NOT NULL;"
    "CREATE TABLE quotas (subscription TEXT NOT NULL COLLATE NOCASE, location TEXT NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE, cores INTEGER NOT NULL,"
    " PRIMARY KEY (subscription, location, name)) WITHOUT ROWID;",
    /* 2 → 3: who may do what, and what was done */
    "CREATE TABLE role_definitions (name TEXT PRIMARY KEY COLLATE NOCASE,"
    " role_name TEXT NOT NULL UNIQUE COLLATE NOCASE, body TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE role_assignments (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE "
    "NOCASE,"
    " scope TEXT NOT NULL COLLATE NOCASE, principal TEXT NOT NULL COLLATE NOCASE,"
    " role TEXT NOT NULL COLLATE NOCASE, conditional INTEGER NOT NULL, body TEXT NOT NULL,"
    " UNIQUE (scope, principal, role));"
    "CREATE INDEX role_assignments_role ON role_assignments (role);"
    "CREATE INDEX role_assignments_principal ON role_assignments (principal);"
    "CREATE TABLE deny_assignments (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE "
    "NOCASE,"
    " scope TEXT NOT NULL COLLATE NOCASE, body TEXT NOT NULL);"
    "ALTER TABLE operations ADD COLUMN caller TEXT COLLATE NOCASE;"
    /* What was asked for; NULL: nothing. */
    "ALTER TABLE computes ADD COLUMN sharing TEXT;"
    /* AUTOINCREMENT: a number is never given twice, so that a missing line shows. */
    "CREATE TABLE audit (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " caller TEXT NOT NULL COLLATE NOCASE, caller_name TEXT NOT NULL COLLATE NOCASE,"
    " disguise TEXT COLLATE NOCASE, disguise_name TEXT COLLATE NOCASE, method TEXT NOT NULL,"
    " action TEXT NOT NULL, resource TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT "
    "NULL,"
    " code TEXT, request_id TEXT NOT NULL, count INTEGER NOT NULL, last_ms INTEGER NOT NULL);"
    "CREATE INDEX audit_outcome ON audit (outcome, sequence);",
    /* Setup scripts with the secrets in them: bodies have them without. */
    "CREATE TABLE secret_scripts (compute TEXT PRIMARY KEY, scripts TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TRIGGER computes_secrets AFTER DELETE ON computes BEGIN"
    " DELETE FROM secret_scripts WHERE compute = OLD.id; END;",
};

/* No room: what can be done about it is not ours, and trying again is no help. */
static bool is_full(struct store *store, int rc)
{
    int errnum = store->db ? sqlite3_system_errno(store->db) : 0;
    return (rc & 0xff) == SQLITE_FULL ||
           ((rc & 0xff) == SQLITE_IOERR && (errnum == ENOSPC || errnum == EDQUOT));
}

static int fail_full(struct store *store, const char *what, struct error *err)
{
    error_set(err, ERROR_IO, "%s: %s (%s)", what, sqlite3_errmsg(store->db),
              sqlite3_db_filename(store->db, "main"));
    if (err) {
        err->status = STORE_FULL_STATUS;
        text_copy(err->name, sizeof err->name, STORE_FULL_NAME);
    }
    return ERROR_IO;
}

/* Fills `err` from SQLite's last failure. */
static int fail(struct store *store, int rc, const char *what, struct error *err)
{
    int code = ERROR_IO;
    if (is_full(store, rc))
        return fail_full(store, what, err);
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        code = ERROR_NO_MEMORY;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = ERROR_SYNTAX;
        break;
    case SQLITE_CONSTRAINT:
        code = ERROR_CONFLICT;
        break;
    default:
        break;
    }
    return error_set(err, code, "%s: %s", what,
                     store->db ? sqlite3_errmsg(store->db) : "no memory");
}

static int execute(struct store *store, const char *sql, const char *what, struct error *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(store, rc, what, err);
}

/* ---- opening ---- */

static int lock_folder(struct store *store, const char *folder, struct error *err)
{
    char *path = file_join(folder, STORE_LOCK);
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the path of %s", STORE_LOCK);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = 0;
    if (store->lock_fd < 0)
        rc = error_system(err, errno, "opening %s", path);
    else if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
        rc = errno == EWOULDBLOCK ? error_set(err, ERROR_CONFLICT,
                                              "another plane is using the data folder %s", folder)
                                  : error_system(err, errno, "locking %s", path);
    free(path);
    return rc;
}

/* Scripts stand in it with the secrets that they were given.  What SQLite makes beside the file has
 * the file's mode. */
static int close_to_others(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char *journal = text_format("%s-wal", path);
    int rc = fd < 0 || fchmod(fd, 0600) < 0 ? error_system(err, errno, "opening %s", path) : 0;
    if (journal)
        (void)chmod(journal, 0600);
    free(journal);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

static int open_database(struct store *store, const char *folder, struct error *err)
{
    char *path = folder ? file_join(folder, STORE_FILE) : text_format(":memory:");
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the path of %s", STORE_FILE);
    int rc = folder ? close_to_others(path, err) : 0;
    if (rc == 0 && sqlite3_open_v2(path, &store->db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   NULL) != SQLITE_OK)
        rc = fail(store, sqlite3_errcode(store->db), path, err);
    free(path);
    return rc;
}

/* The lock of ours makes this process the only one, so SQLite need not ask at each statement. */
static int configure(struct store *store, struct error *err)
{
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(store->db, 1);
    return execute(
        store,
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;"
        "PRAGMA secure_delete=ON;" /* a deleted instance's secrets are gone */
        "PRAGMA cache_size=" CACHE_KIB "; PRAGMA wal_autocheckpoint=4000",
        "opening the store", err);
}

static int64_t version_of(struct store *store)
{
    if (store_integer(store, 0, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'",
                      "") == 0)
        return 0;
    return store_integer(store, -1, "SELECT version FROM schema_version", "");
}

static int migrate(struct store *store, struct error *err)
{
    const int64_t newest = (int64_t)COUNT(migrations);
    int rc = execute(store, "SELECT count(*) FROM sqlite_master", "reading the store", err);
    if (rc < 0)
        return rc;
    int64_t version = version_of(store);
    if (version < 0)
        return error_set(err, ERROR_SYNTAX, "the store has lost its version");
    if (version > newest)
        return error_set(
            err, ERROR_TOO_NEW,
            "a later release of moonfleet wrote this store (version %lld, this one knows %lld)",
            (long long)version, (long long)newest);
    store->is_new = version == 0;
    if (version == newest)
        return 0;
    rc = store_begin(store, err);
    for (int64_t i = version; rc == 0 && i < newest; i++)
        rc = execute(store, migrations[i], "migrating the store", err);
    if (rc == 0)
        rc = store_run(store, err, "UPDATE schema_version SET version = ?", "i", newest);
    /* A new store is committed together with its seed, so that there is never one without the
     * other. */
    if (rc == 0 && !store->is_new)
        rc = store_commit(store, err);
    return rc;
}

int store_open(const char *folder, struct store **out_store, struct error *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the store");
    store->lock_fd = -1;
    int rc = 0;
    if (folder) {
        rc = file_make_dirs(folder, 0700, err);
        if (rc == 0)
            rc = lock_folder(store, folder, err);
    }
    if (rc == 0)
        rc = open_database(store, folder, err);
    if (rc == 0)
        rc = configure(store, err);
    if (rc == 0)
        rc = migrate(store, err);
    if (rc < 0) {
        store_free(store);
        return folder ? error_wrap(err, rc, "opening %s/%s", folder, STORE_FILE) : rc;
    }
    *out_store = store;
    return 0;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    struct statement *statement = store->statements;
    struct statement *next;
    HASH_CLEAR(hh, store->statements);
    for (; statement; statement = next) {
        next = statement->hh.next;
        sqlite3_finalize(statement->handle);
        free(statement);
    }
    if (store->db)
        sqlite3_close(store->db); /* rolls back */
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    free(store);
}

bool store_is_new(const struct store *store)
{
    return store->is_new;
}

/* ---- transactions ---- */

/* Tells again why the open transaction cannot be committed. */
static int fail_broken(const struct store *store, struct error *err)
{
    if (store->why.code == 0)
        return error_set(err, ERROR_IO, "an earlier write of this transaction failed");
    if (err)
        *err = store->why;
    return store->why.code;
}

int store_begin(struct store *store, struct error *err)
{
    if (store->open)
        return store->broken ? fail_broken(store, err) : 0;
    int rc = execute(store, "BEGIN IMMEDIATE", "beginning a transaction", err);
    store->open = rc == 0;
    return rc;
}

bool store_in_transaction(const struct store *store)
{
    return store->open;
}

int store_commit(struct store *store, struct error *err)
{
    if (!store->open)
        return 0;
    int rc = store->broken ? fail_broken(store, err)
                           : execute(store, "COMMIT", "making it durable", err);
    if (rc < 0)
        store_rollback(store);
    store->open = false;
    return rc;
}

void store_rollback(struct store *store)
{
    if (store->open && !sqlite3_get_autocommit(store->db))
        (void)execute(store, "ROLLBACK", "rolling back", NULL);
    store->open = false;
    store->broken = false;
    store->why.code = 0;
}

/* ---- statements ---- */

static sqlite3_stmt *prepared(struct store *store, const char *sql, struct error *err)
{
    struct statement *statement = NULL;
    HASH_FIND_PTR(store->statements, &sql, statement);
    if (statement)
        return statement->handle;
    statement = calloc(1, sizeof *statement);
    if (!statement) {
        error_set(err, ERROR_NO_MEMORY, "no memory for a statement");
        return NULL;
    }
    int rc =
        sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
    if (rc != SQLITE_OK) {
        fail(store, rc, "preparing a statement", err);
        free(statement);
        return NULL;
    }
    statement->sql = sql;
    HASH_ADD_PTR(store->statements, sql, statement);
    return statement->handle;
}

static int bind(sqlite3_stmt *statement, const char *types, va_list args)
{
    int rc = SQLITE_OK;
    for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
        if (types[i] == 's')
            rc = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        else if (types[i] == 'i')
            rc = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        else
            rc = sqlite3_bind_int(statement, i + 1, va_arg(args, int));
    }
    return rc;
}

static sqlite3_stmt *query(struct store *store, struct error *err, const char *sql,
                           const char *types, va_list args)
{
    sqlite3_stmt *statement = prepared(store, sql, err);
    if (!statement)
        return NULL;
    int rc = bind(statement, types, args);
    if (rc == SQLITE_OK)
        return statement;
    fail(store, rc, "binding a statement", err);
    store_done(statement);
    return NULL;
}

sqlite3_stmt *store_query(struct store *store, struct error *err, const char *sql,
                          const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = query(store, err, sql, types, args);
    va_end(args);
    return statement;
}

int store_step(struct store *store, sqlite3_stmt *statement, struct error *err)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : fail(store, rc, "reading the store", err);
}

void store_done(sqlite3_stmt *statement)
{
    if (!statement)
        return;
    (void)sqlite3_reset(statement); /* its failure was told by the step */
    (void)sqlite3_clear_bindings(statement);
}

static void break_transaction(struct store *store, const struct error *why)
{
    if (!store->broken)
        store->why = *why;
    store->broken = true;
}

int store_run(struct store *store, struct error *err, const char *sql, const char *types, ...)
{
    int rc = store_begin(store, err);
    if (rc < 0)
        return rc;
    struct error why = { 0 };
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = query(store, &why, sql, types, args);
    va_end(args);
    rc = ERROR_IO;
    if (statement) {
        int step;
        do
            step = sqlite3_step(statement);
        while (step == SQLITE_ROW);
        rc = step == SQLITE_DONE ? 0 : fail(store, step, "writing the store", &why);
        store_done(statement);
    }
    if (rc < 0 && err)
        *err = why;
    if (rc < 0 && rc != ERROR_CONFLICT)
        break_transaction(store, &why);
    return rc;
}

void store_spoil(struct store *store)
{
    if (store->open)
        store->broken = true;
}

const char *store_text(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);
    return text ? text : "";
}

int64_t store_integer(struct store *store, int64_t fallback, const char *sql, const char *types,
                      ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = query(store, NULL, sql, types, args);
    va_end(args);
    int64_t value = fallback;
    if (statement && sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(statement, 0);
    store_done(statement);
    return value;
}
