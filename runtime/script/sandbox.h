/* sandbox.h - what a process gives up before it runs somebody else's Lua.
 *
 * Afterwards it can compute, allocate, and read and write one socket; nothing else, whatever
 * happens inside Lua.  Nothing of this can be taken back. */
#ifndef SCRIPT_SANDBOX_H
#define SCRIPT_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sandbox_limits {
    int socket_fd;        /* the one descriptor that stays usable */
    int64_t cpu_ms;       /* from now on; SIGXCPU ends the process a little after it */
    size_t memory_bytes;  /* of Lua; the address space gets room for the rest */
    void (*on_cpu)(void); /* called in a signal handler when cpu_ms are used up; may be NULL */
};

/* How long after `on_cpu` SIGXCPU comes, in CPU time. */
#define SANDBOX_GRACE_MS 100

/* Privileges, dumps, descriptors, address space, file system and signals: before the Lua state is
 * made.  Landlock is used where the kernel has it.  ERROR_IO tells which step failed. */
int sandbox_drop(const struct sandbox_limits *limits, struct error *err);

/* Starts the CPU limit and, as the last step, allows only the system calls that computing needs:
 * another one kills the process with SIGSYS.  ERROR_IO. */
int sandbox_seal(const struct sandbox_limits *limits, struct error *err);

#endif
