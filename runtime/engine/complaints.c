/* complaints.c - what the plane says against the recipe itself, or against the command line: the
 * location, names after --replace. */
#include "engine/resource.h"

#include "base/text.h"

/* "West Europe" and "westeurope" are one place. */
static bool same_location(const char *a, const char *b)
{
    while (*a || *b) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        char pair[2][2] = { { *a, 0 }, { *b, 0 } };
        if (!text_equal_nocase(pair[0], pair[1]))
            return false;
        a += *a != '\0';
        b += *b != '\0';
    }
    return true;
}

void check_location(struct plan *plan, const char *workspace_location)
{
    const char *wanted = plan->fleet->location;
    if (wanted && !same_location(wanted, workspace_location))
        problems_add(&plan->problems, plan->fleet->file, plan->fleet->line,
                     "fleet '%s': location is '%s', but the workspace %s is in %s, and instances "
                     "stand where their workspace is",
                     plan->fleet->name, wanted, plan->workspace, workspace_location);
}

static void check_replace_name(struct plan *plan, const char *name)
{
    const char **names = calloc(plan->count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; names && i < plan->count; i++)
        if (plan->items[i].type == &resource_instance)
            names[count++] = plan->items[i].step.name;
    const char *near = names ? text_nearest(name, names, count) : NULL;
    free(names);
    if (near)
        problems_add(&plan->problems, NULL, 0,
                     "--replace %s: the fleet has no such instance, did you mean '%s'?", name,
                     near);
    else
        problems_add(&plan->problems, NULL, 0, "--replace %s: the fleet has no such instance",
                     name);
}

void check_replace_names(struct plan *plan)
{
    for (size_t i = 0; i < plan->replace.count; i++) {
        const struct item *found = NULL;
        for (size_t k = 0; k < plan->count && !found; k++)
            if (plan->items[k].type == &resource_instance &&
                text_equal_nocase(plan->items[k].step.name, plan->replace.items[i]))
                found = &plan->items[k];
        if (!found)
            check_replace_name(plan, plan->replace.items[i]);
        else if (found->step.action != PLAN_REPLACE && found->step.action != PLAN_WAIT)
            plan_warn(plan, "--replace %s: nothing about it needs re-creation",
                      plan->replace.items[i]);
    }
}
