/* plan_text.h - a plan as people read it. */
#ifndef CLI_PLAN_TEXT_H
#define CLI_PLAN_TEXT_H

#include "cli/output.h"
#include "engine/plan.h"

/* Steps with their reasons, blocked ones with the way out, then one line of counts. */
void plan_text(const struct plan *plan, bool colour, struct buffer *out);
/* "2 to create, 1 to delete" or "nothing to change". */
void plan_text_counts(const struct plan *plan, struct buffer *out);

#endif
