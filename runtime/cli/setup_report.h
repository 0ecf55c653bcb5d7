/* setup_report.h - what a script did to an instance, or what two have different: for people and as
 * JSON. */
#ifndef CLI_SETUP_REPORT_H
#define CLI_SETUP_REPORT_H

#include "cli/output.h"
#include "setup/listing.h"
#include "setup/secrets.h"

/* Reads the listing "<folder>/<name>". *out is the caller's. */
int report_read_listing(const char *folder, const char *name, struct listing *out,
                        struct error *err);

/* {"files":{"added":[{"path","type","bytes"}],"changed":[…],"removed":[…],"noise":{"count","bytes"}},
 *  "packages":{"deb":[{"change","name","before","after"}],"pip":[…]},"users":[…],"groups":[…],
 *  "services":[…]}; NULL: no memory. */
cJSON *report_changes_json(const struct changes *changes);

/* The words of a report: what is said of things that came, changed and went. */
struct report_words {
    const char *added, *changed, *removed;
};

/* Prints what changed; nothing at all when nothing did. */
void report_changes(const struct output *output, const struct changes *changes,
                    const struct report_words *words);

/* How many changes count: all but caches, logs and other noise. */
size_t report_count(const struct changes *changes);

/* What a script ran, as far as it is known when it is told. */
struct report_script {
    int64_t end_ms;                /* when it ended (Unix time) */
    const cJSON *lines;            /* for template_line_of(); or NULL */
    const struct secrets *secrets; /* what is not to be shown */
};

/* The slowest commands from a trace of bash (drivers/oci_bundle.c): [{"seconds","line","command"}],
 * slowest first, with the lines of the template. */
cJSON *report_slowest(const char *trace, size_t size, const struct report_script *script);

#endif
