/* authorization.c - who may do what.
 *
 * plane_handle() asks here before a handler runs and before anything about a resource is told.
 * Today the owner of the plane may do everything and nobody else anything; role assignments will be
 * asked here. */
#include "base/text.h"
#include "plane/plane_private.h"

bool authorization_allows(struct plane *plane, const char *principal, const char *action,
                          const char *scope)
{
    (void)action, (void)scope;
    return text_equal_nocase(principal, plane->owner_id);
}
