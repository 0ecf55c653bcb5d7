/* api.h - versions and paths of the APIs that both ends speak. */
#ifndef ARM_API_H
#define ARM_API_H

#include <stdbool.h>

#define API_RESOURCES "2022-12-01" /* subscriptions, resource groups */
#define API_WORKSPACES "2024-10-01"
#define API_COMPUTES                                                                               \
    "2025-12-01" /* stable, and the first with idleTimeBeforeShutdown, enableSSO                   \
                  */
#define API_IDLE_SHUTDOWN "2024-07-01-preview" /* computes/updateIdleShutdownSetting */
#define API_AUTHORIZATION "2022-04-01"         /* Microsoft.Authorization, whole */
#define API_GRAPH "v1.0" /* Microsoft Graph: a path segment, not a query parameter */

/* Long polling (RFC 7240 `Prefer: wait=N` on an operation's status): our plane holds the reply
 * until the operation ends or N seconds have passed and says `Preference-Applied: wait`; others
 * ignore it. */
#define API_PREFER_WAIT_S 20

/* Is `version` one that Microsoft.MachineLearningServices knows, for computes? (FACTS,
 * ci-properties) */
bool api_version_known(const char *version);
/* All of them, comma separated, newest last: for NoRegisteredProviderFound's text. */
const char *api_versions_text(void);

#endif
