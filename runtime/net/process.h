/* process.h - child processes, watched by the loop. */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include <sys/types.h>

#include "base/buffer.h"
#include "net/loop.h"

struct process;

/* `status` as waitpid() gives it; `output` (borrowed) is what came on stdout and stderr together
 * when it was asked for, cut at its cap. */
typedef void process_done_fn(struct process *process, int status, const struct buffer *output,
                             void *arg);

struct process_options {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL-terminated "NAME=value"; NULL: ours */
    const char *directory;   /* or NULL: ours */
    int stdin_fd;            /* borrowed; -1: /dev/null */
    int output_fd;           /* stdout and stderr go there (borrowed); -1: /dev/null or captured */
    bool capture;            /* collect the output (output_fd is then ignored) */
    size_t capture_max;      /* 0: 64 KiB; what comes later is dropped, not waited for */
    bool new_session;        /* setsid() in the child */
};

/* Starts it; options are borrowed until this returns.  None of our descriptors is inherited but
 * those the options name; signals are unblocked and have their default action.  *out is freed by
 * the library after the callback returned (or when the loop is freed).  ERROR_NOT_FOUND when there
 * is no such program, ERROR_DENIED, ERROR_IO, ERROR_NO_MEMORY.  The callback comes when it has
 * ended and, with `capture`, its output is drained; a grandchild that keeps the pipe open delays
 * that by a fifth of a second at most. While it runs, a virtual clock walks with the machine's
 * (loop_hold). */
int process_start(struct loop *loop, const struct process_options *options, process_done_fn *done,
                  void *arg, struct process **out, struct error *err);
/* For a program that serves many: raises the limit of open files to what it may be.  Children go on
 * getting the limit of before (many programs cannot cope with a high one). */
void process_raise_files(void);
pid_t process_pid(const struct process *process);
/* Sends a signal to it (to its group when it has its own session). */
void process_kill(struct process *process, int signal);
/* Forgets it without a callback; it goes on running and is reaped when the loop sees its end.  NULL
 * is fine; harmless inside its callback. */
void process_abandon(struct process *process);

/* "exit status 3", "killed by signal 9 (Killed)". */
void process_status_text(int status, char *out, size_t out_size);

/* Watches a process that is not our child (pidfd): `fn(arg)` once, when it has ended (at once, from
 * the loop, when it already has). */
struct process_watch;
int process_watch_new(struct loop *loop, pid_t pid, loop_fn *fn, void *arg,
                      struct process_watch **out, struct error *err);
void process_watch_free(struct process_watch *watch);

#endif
