/* audit.h - the audit log: every write and every refusal, in the store.
 *
 *   GET /moonfleet/audit?since=TIME&who=PRINCIPAL&outcome=done|denied|failed&top=N
 *
 * for the plane's owner alone; all parameters may be left out.  The newest line comes first.
 *   since    RFC 3339: lines of that moment and later (of their last time, when they are several)
 *   who      object id or name (user principal name, display name) of who asked or as whom
 *   top      lines of a page, 1 to 1000; 1000 when left out
 * The reply, {"value":[LINE, …],"nextLink":"…"} (the link only when there is more):
 *
 *   {"sequence": 17,                  one more than the line before it; never given twice
 *    "time": "2026-11-21T07:42:10.1230000Z",
 *    "caller": {"id": "…", "name": "owner@moonfleet.local"},
 *    "as": {"id": "…", "name": "ada@moonfleet.local"},     null: as himself
 *    "method": "PUT",
 *    "action": "Microsoft.MachineLearningServices/workspaces/computes/write",   "" when unknown
 *    "resource": "/subscriptions/…/computes/ds-ada",       the request's path
 *    "outcome": "done",               done, denied (401, 403), failed (any other refusal)
 *    "status": 201, "code": null,     of the answer; the code of its error
 *    "requestId": "…",                its x-ms-request-id
 *    "count": 1, "lastTime": "…"}     how often (of denials alone), and when for the last time
 *
 * A line is written in the transaction of what it tells, so that a committed change always has its
 * line; when that commit fails, nothing has happened, the answer is a 500 and there is no line.
 * "done" of a long-running operation means that it was accepted.  Nothing of a query or a body is
 * kept, so no secret is.  No route changes or deletes a line.
 *
 * What a flood can do: the same denial (who, as whom, what, on what) within a minute is not written
 * again but counted; its count is written with the next transaction, before the log is read, and at
 * the plane's end.  Of each outcome the newest lines are kept, counted apart (AUDIT_…_KEPT): who is
 * refused everything cannot push out what was done. */
#ifndef PLANE_AUDIT_H
#define PLANE_AUDIT_H

#include "plane/plane_private.h"

#define AUDIT_DONE_KEPT 200000
#define AUDIT_FAILED_KEPT 50000
#define AUDIT_DENIED_KEPT 50000
#define AUDIT_PAGE_MAX 1000

/* Writes the line of a call that was answered, if it is worth one. */
void audit_record(struct call *call);
/* Writes counts of repeated denials: before a commit. */
void audit_flush(struct plane *plane);
/* After a commit that failed: what was written is not there. */
void audit_forget(struct plane *plane);

#endif
