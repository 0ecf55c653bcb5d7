/* builtin_roles.c - the built-in roles that matter here.
 *
 * Facts: ids, names, descriptions and permissions are the service's own, by way of
 * iann0036/iam-dataset (MIT), the output of `az role definition list`.  Microsoft edits built-in
 * roles from time to time, but never their GUIDs.  The order is ours: see the header. */
#include "rbac/builtin_roles.h"

#include "base/text.h"
#include "rbac/decide.h"

#define ROLE_IDS "/providers/Microsoft.Authorization/roleDefinitions/"
#define LIST(...)                                                                                  \
    {                                                                                              \
        (const char *const[]) { __VA_ARGS__ }, COUNT(((const char *const[]) { __VA_ARGS__ }))      \
    }
#define PERMISSION(...)                                                                            \
    .permissions = &(const struct rbac_permission) { __VA_ARGS__ }, .permission_count = 1
#define EVERYWHERE .assignable_scopes = LIST("/")

/* A pattern a line, and none broken in two. */
/* clang-format off */
static const struct rbac_role roles[] = {
    {
        .id = ROLE_IDS "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        .name = "AcrPull",
        .description = "acr pull",
        PERMISSION(
            .actions = LIST(
                "Microsoft.ContainerRegistry/registries/pull/read")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        .name = "Reader",
        .description = "View all resources, but does not allow you to make any changes.",
        PERMISSION(
            .actions = LIST(
                "*/read")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "635dd51f-9968-44d3-b7fb-6d9a6bd613ae",
        .name = "AzureML Metrics Writer (preview)",
        .description = "Lets you write metrics to AzureML workspace",
        PERMISSION(
            .actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/metrics/*/write")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "8311e382-0749-4cb8-b61a-304f252e45ec",
        .name = "AcrPush",
        .description = "acr push",
        PERMISSION(
            .actions = LIST(
                "Microsoft.ContainerRegistry/registries/pull/read",
                "Microsoft.ContainerRegistry/registries/push/write")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "ea01e6af-a1c1-4350-9563-ad00f8c72ec5",
        .name = "Azure Machine Learning Workspace Connection Secrets Reader",
        .description = "Can list workspace connection secrets",
        PERMISSION(
            .actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action",
                "Microsoft.MachineLearningServices/workspaces/metadata/secrets/read")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "1823dd4f-9b8c-4ab6-ab4e-7397a3684615",
        .name = "AzureML Registry User",
        .description = "Can perform all actions on Machine Learning Services Registry assets\u00A0as well as get Registry resources.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.MachineLearningServices/registries/read",
                "Microsoft.MachineLearningServices/registries/assets/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "cfd33db0-3dd1-45e3-aa9d-cdbdf3b6f24e",
        .name = "Support Request Contributor",
        .description = "Lets you create and manage Support requests",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "fb879df8-f326-4884-b1cf-06f3ad86be52",
        .name = "Virtual Machine User Login",
        .description = "View Virtual Machines in the portal and login as a regular user.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Network/publicIPAddresses/read",
                "Microsoft.Network/virtualNetworks/read",
                "Microsoft.Network/loadBalancers/read",
                "Microsoft.Network/networkInterfaces/read",
                "Microsoft.Compute/virtualMachines/*/read",
                "Microsoft.HybridCompute/machines/*/read",
                "Microsoft.HybridConnectivity/endpoints/listCredentials/action"),
            .data_actions = LIST(
                "Microsoft.Compute/virtualMachines/login/action",
                "Microsoft.HybridCompute/machines/login/action")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "3afb7f49-54cb-416e-8c09-6dc049efa503",
        .name = "Azure AI Inference Deployment Operator",
        .description = "Can perform all actions required to create a resource deployment within a resource group.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Insights/AutoscaleSettings/write")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
        .name = "Monitoring Reader",
        .description = "Can read all monitoring data.",
        PERMISSION(
            .actions = LIST(
                "*/read",
                "Microsoft.OperationalInsights/workspaces/search/action",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "69566ab7-960f-475b-8e7c-b3118f30c6bd",
        .name = "Storage File Data Privileged Contributor",
        .description = "Customer has read, write, delete and modify NTFS permission access on Azure Storage file shares.",
        PERMISSION(
            .data_actions = LIST(
                "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/read",
                "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write",
                "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/delete",
                "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/modifypermissions/action",
                "Microsoft.Storage/storageAccounts/fileServices/readFileBackupSemantics/action",
                "Microsoft.Storage/storageAccounts/fileServices/writeFileBackupSemantics/action")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "1c0163c0-47e6-4577-8991-ea5c82e286e4",
        .name = "Virtual Machine Administrator Login",
        .description = "View Virtual Machines in the portal and login as administrator",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Network/publicIPAddresses/read",
                "Microsoft.Network/virtualNetworks/read",
                "Microsoft.Network/loadBalancers/read",
                "Microsoft.Network/networkInterfaces/read",
                "Microsoft.Compute/virtualMachines/*/read",
                "Microsoft.HybridCompute/machines/*/read",
                "Microsoft.HybridConnectivity/endpoints/listCredentials/action"),
            .data_actions = LIST(
                "Microsoft.Compute/virtualMachines/login/action",
                "Microsoft.Compute/virtualMachines/loginAsAdmin/action",
                "Microsoft.HybridCompute/machines/login/action",
                "Microsoft.HybridCompute/machines/loginAsAdmin/action")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        .name = "Role Based Access Control Administrator",
        .description = "Manage access to Azure resources by assigning roles using Azure RBAC. This role does not allow you to manage access using other ways, such as Azure Policy.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/roleAssignments/write",
                "Microsoft.Authorization/roleAssignments/delete",
                "*/read",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
        .name = "AzureML Compute Operator",
        .description = "Can access and perform CRUD operations on Machine Learning Services managed compute resources (including Notebook VMs).",
        PERMISSION(
            .actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/computes/*",
                "Microsoft.MachineLearningServices/workspaces/notebooks/vm/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        .name = "Storage Blob Data Contributor",
        .description = "Allows for read, write and delete access to Azure Storage blob containers and data",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
                "Microsoft.Storage/storageAccounts/blobServices/containers/read",
                "Microsoft.Storage/storageAccounts/blobServices/containers/write",
                "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"),
            .data_actions = LIST(
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "f6c7c914-8db3-469d-8ca1-694a8f32e121",
        .name = "AzureML Data Scientist",
        .description = "Can perform all actions within an Azure Machine Learning workspace, except for creating or deleting compute resources and modifying the workspace itself.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/*/read",
                "Microsoft.MachineLearningServices/workspaces/*/action",
                "Microsoft.MachineLearningServices/workspaces/*/delete",
                "Microsoft.MachineLearningServices/workspaces/*/write"),
            .not_actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/delete",
                "Microsoft.MachineLearningServices/workspaces/write",
                "Microsoft.MachineLearningServices/workspaces/computes/*/write",
                "Microsoft.MachineLearningServices/workspaces/computes/*/delete",
                "Microsoft.MachineLearningServices/workspaces/computes/listKeys/action",
                "Microsoft.MachineLearningServices/workspaces/listKeys/action",
                "Microsoft.MachineLearningServices/workspaces/hubs/write",
                "Microsoft.MachineLearningServices/workspaces/hubs/delete",
                "Microsoft.MachineLearningServices/workspaces/featurestores/write",
                "Microsoft.MachineLearningServices/workspaces/featurestores/delete")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        .name = "User Access Administrator",
        .description = "Lets you manage user access to Azure resources.",
        PERMISSION(
            .actions = LIST(
                "*/read",
                "Microsoft.Authorization/*",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "f1a07417-d97a-45cb-824c-7a7467783830",
        .name = "Managed Identity Operator",
        .description = "Read and Assign User Assigned Identity",
        PERMISSION(
            .actions = LIST(
                "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
                "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
                "Microsoft.Authorization/*/read",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "4a9ae827-6dc8-4573-8ac7-8239d42aa03f",
        .name = "Tag Contributor",
        .description = "Lets you manage tags on entities, without providing access to the entities themselves.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
                "Microsoft.Resources/subscriptions/resources/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Support/*",
                "Microsoft.Resources/tags/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        .name = "Key Vault Administrator",
        .description = "Perform all data plane operations on a key vault and all objects in it, including certificates, keys, and secrets. Cannot manage key vault resources or manage role assignments. Only works for key vaults that use the 'Azure role-based access control' permission model.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Support/*",
                "Microsoft.KeyVault/checkNameAvailability/read",
                "Microsoft.KeyVault/deletedVaults/read",
                "Microsoft.KeyVault/locations/*/read",
                "Microsoft.KeyVault/vaults/*/read",
                "Microsoft.KeyVault/operations/read"),
            .data_actions = LIST(
                "Microsoft.KeyVault/vaults/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "0e5f05e5-9ab9-446b-b98d-1e2157c94125",
        .name = "Quota Request Operator",
        .description = "Read and create quota requests, get quota request status, and create support tickets.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Capacity/resourceProviders/locations/serviceLimits/read",
                "Microsoft.Capacity/resourceProviders/locations/serviceLimits/write",
                "Microsoft.Capacity/resourceProviders/locations/serviceLimitsRequests/read",
                "Microsoft.Capacity/register/action",
                "Microsoft.Quota/usages/read",
                "Microsoft.Quota/quotas/read",
                "Microsoft.Quota/quotas/write",
                "Microsoft.Quota/quotaRequests/read",
                "Microsoft.Quota/register/action",
                "Microsoft.Authorization/*/read",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        .name = "Managed Identity Contributor",
        .description = "Create, Read, Update, and Delete User Assigned Identity",
        PERMISSION(
            .actions = LIST(
                "Microsoft.ManagedIdentity/userAssignedIdentities/read",
                "Microsoft.ManagedIdentity/userAssignedIdentities/write",
                "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read",
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete",
                "Microsoft.ManagedIdentity/userAssignedIdentities/revokeTokens/action",
                "Microsoft.Authorization/*/read",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        .name = "Storage Account Contributor",
        .description = "Lets you manage storage accounts, including accessing storage account keys which provide full access to storage account data.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Insights/diagnosticSettings/*",
                "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
                "Microsoft.ResourceHealth/availabilityStatuses/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Storage/storageAccounts/*",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "64702f94-c441-49e6-a78b-ef80e0188fee",
        .name = "Azure AI Developer",
        .description = "Can perform all actions within an Azure Machine Learning workspace besides managing the workspace itself. For Foundry project access, use the Foundry User or Foundry Owner roles instead.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/*/read",
                "Microsoft.MachineLearningServices/workspaces/*/action",
                "Microsoft.MachineLearningServices/workspaces/*/delete",
                "Microsoft.MachineLearningServices/workspaces/*/write",
                "Microsoft.MachineLearningServices/locations/*/read",
                "Microsoft.Authorization/*/read",
                "Microsoft.Resources/deployments/*"),
            .not_actions = LIST(
                "Microsoft.MachineLearningServices/workspaces/delete",
                "Microsoft.MachineLearningServices/workspaces/write",
                "Microsoft.MachineLearningServices/workspaces/listKeys/action",
                "Microsoft.MachineLearningServices/workspaces/hubs/write",
                "Microsoft.MachineLearningServices/workspaces/hubs/delete",
                "Microsoft.MachineLearningServices/workspaces/featurestores/write",
                "Microsoft.MachineLearningServices/workspaces/featurestores/delete",
                "Microsoft.MachineLearningServices/workspaces/evaluations/results/labels/read",
                "Microsoft.MachineLearningServices/workspaces/evaluations/results/reasonings/read",
                "Microsoft.MachineLearningServices/workspaces/simulations/results/images/read"),
            .data_actions = LIST(
                "Microsoft.CognitiveServices/accounts/OpenAI/*",
                "Microsoft.CognitiveServices/accounts/SpeechServices/*",
                "Microsoft.CognitiveServices/accounts/ContentSafety/*",
                "Microsoft.CognitiveServices/accounts/MaaS/*"),
            .not_data_actions = LIST(
                "Microsoft.CognitiveServices/accounts/OpenAI/fine-tunes-deployments/write")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "4d97b98b-1d4f-4787-a291-c67834d212e7",
        .name = "Network Contributor",
        .description = "Lets you manage networks, but not access to them.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Network/*",
                "Microsoft.ResourceHealth/availabilityStatuses/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        .name = "Virtual Machine Contributor",
        .description = "Lets you manage virtual machines, but not access to them, and not the virtual network or storage account they're connected to.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.Compute/availabilitySets/*",
                "Microsoft.Compute/locations/*",
                "Microsoft.Compute/virtualMachines/*",
                "Microsoft.Compute/virtualMachineScaleSets/*",
                "Microsoft.Compute/cloudServices/*",
                "Microsoft.Compute/disks/write",
                "Microsoft.Compute/disks/read",
                "Microsoft.Compute/disks/delete",
                "Microsoft.Compute/hostgroups/write",
                "Microsoft.Compute/hostgroups/hosts/write",
                "Microsoft.DevTestLab/schedules/*",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Network/applicationGateways/backendAddressPools/join/action",
                "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
                "Microsoft.Network/loadBalancers/inboundNatPools/join/action",
                "Microsoft.Network/loadBalancers/inboundNatRules/join/action",
                "Microsoft.Network/loadBalancers/probes/join/action",
                "Microsoft.Network/loadBalancers/read",
                "Microsoft.Network/locations/*",
                "Microsoft.Network/networkInterfaces/*",
                "Microsoft.Network/networkSecurityGroups/join/action",
                "Microsoft.Network/networkSecurityGroups/read",
                "Microsoft.Network/publicIPAddresses/join/action",
                "Microsoft.Network/publicIPAddresses/read",
                "Microsoft.Network/virtualNetworks/read",
                "Microsoft.Network/virtualNetworks/subnets/join/action",
                "Microsoft.RecoveryServices/locations/*",
                "Microsoft.RecoveryServices/Vaults/backupFabrics/backupProtectionIntent/write",
                "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/*/read",
                "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/read",
                "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/write",
                "Microsoft.RecoveryServices/Vaults/backupPolicies/read",
                "Microsoft.RecoveryServices/Vaults/backupPolicies/write",
                "Microsoft.RecoveryServices/Vaults/read",
                "Microsoft.RecoveryServices/Vaults/usages/read",
                "Microsoft.RecoveryServices/Vaults/write",
                "Microsoft.ResourceHealth/availabilityStatuses/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.SerialConsole/serialPorts/connect/action",
                "Microsoft.SqlVirtualMachine/*",
                "Microsoft.Storage/storageAccounts/listKeys/action",
                "Microsoft.Storage/storageAccounts/read",
                "Microsoft.Support/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "b78c5d69-af96-48a3-bf8d-a8b4d589de94",
        .name = "Azure AI Administrator",
        .description = "A Built-In Role that has all control plane permissions to work with Azure AI and its dependencies.",
        PERMISSION(
            .actions = LIST(
                "Microsoft.Authorization/*/read",
                "Microsoft.CognitiveServices/*",
                "Microsoft.ContainerRegistry/registries/*",
                "Microsoft.DocumentDb/databaseAccounts/*",
                "Microsoft.Features/features/read",
                "Microsoft.Features/providers/features/read",
                "Microsoft.Features/providers/features/register/action",
                "Microsoft.Insights/alertRules/*",
                "Microsoft.Insights/components/*",
                "Microsoft.Insights/diagnosticSettings/*",
                "Microsoft.Insights/generateLiveToken/read",
                "Microsoft.Insights/logDefinitions/read",
                "Microsoft.Insights/metricAlerts/*",
                "Microsoft.Insights/metricdefinitions/read",
                "Microsoft.Insights/metrics/read",
                "Microsoft.Insights/scheduledqueryrules/*",
                "Microsoft.Insights/topology/read",
                "Microsoft.Insights/transactions/read",
                "Microsoft.Insights/webtests/*",
                "Microsoft.KeyVault/*",
                "Microsoft.MachineLearningServices/workspaces/*",
                "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
                "Microsoft.ResourceHealth/availabilityStatuses/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/deployments/operations/read",
                "Microsoft.Resources/subscriptions/operationresults/read",
                "Microsoft.Resources/subscriptions/read",
                "Microsoft.Resources/subscriptions/resourcegroups/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Resources/subscriptions/resourceGroups/write",
                "Microsoft.Storage/storageAccounts/*",
                "Microsoft.Support/*",
                "Microsoft.Search/searchServices/write",
                "Microsoft.Search/searchServices/read",
                "Microsoft.Search/searchServices/delete",
                "Microsoft.Search/searchServices/indexes/*",
                "Microsoft.Search/searchServices/listAdminKeys/action",
                "Microsoft.Search/searchServices/privateEndpointConnections/*",
                "Microsoft.DataFactory/factories/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "749f88d5-cbae-40b8-bcfc-e573ddc772fa",
        .name = "Monitoring Contributor",
        .description = "Can read all monitoring data and update monitoring settings.",
        PERMISSION(
            .actions = LIST(
                "*/read",
                "Microsoft.AlertsManagement/alerts/*",
                "Microsoft.AlertsManagement/alertsSummary/*",
                "Microsoft.AlertsManagement/issues/*",
                "Microsoft.Insights/actiongroups/*",
                "Microsoft.Insights/activityLogAlerts/*",
                "Microsoft.Insights/AlertRules/*",
                "Microsoft.Insights/components/*",
                "Microsoft.Insights/createNotifications/*",
                "Microsoft.Insights/dataCollectionEndpoints/*",
                "Microsoft.Insights/dataCollectionRules/*",
                "Microsoft.Insights/dataCollectionRuleAssociations/*",
                "Microsoft.Insights/DiagnosticSettings/*",
                "Microsoft.Insights/eventtypes/*",
                "Microsoft.Insights/LogDefinitions/*",
                "Microsoft.Insights/metricalerts/*",
                "Microsoft.Insights/MetricDefinitions/*",
                "Microsoft.Insights/Metrics/*",
                "Microsoft.Insights/notificationStatus/*",
                "Microsoft.Insights/Register/Action",
                "Microsoft.Insights/scheduledqueryrules/*",
                "Microsoft.Insights/webtests/*",
                "Microsoft.Insights/workbooks/*",
                "Microsoft.Insights/workbooktemplates/*",
                "Microsoft.Insights/privateLinkScopes/*",
                "Microsoft.Insights/privateLinkScopeOperationStatuses/*",
                "Microsoft.Monitor/accounts/*",
                "Microsoft.Monitor/settings/*",
                "Microsoft.OperationalInsights/workspaces/write",
                "Microsoft.OperationalInsights/workspaces/intelligencepacks/*",
                "Microsoft.OperationalInsights/workspaces/savedSearches/*",
                "Microsoft.OperationalInsights/workspaces/search/action",
                "Microsoft.OperationalInsights/workspaces/sharedKeys/action",
                "Microsoft.OperationalInsights/workspaces/sharedKeys/read",
                "Microsoft.OperationalInsights/workspaces/storageinsightconfigs/*",
                "Microsoft.OperationalInsights/locations/workspaces/failover/action",
                "Microsoft.OperationalInsights/workspaces/failback/action",
                "Microsoft.Support/*",
                "Microsoft.AlertsManagement/smartDetectorAlertRules/*",
                "Microsoft.AlertsManagement/actionRules/*",
                "Microsoft.AlertsManagement/smartGroups/*",
                "Microsoft.AlertsManagement/migrateFromSmartDetection/*",
                "Microsoft.AlertsManagement/investigations/*",
                "Microsoft.AlertsManagement/prometheusRuleGroups/*",
                "Microsoft.Monitor/investigations/*",
                "Microsoft.Resources/deployments/*")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "b24988ac-6180-42a0-ab88-20f7382dd24c",
        .name = "Contributor",
        .description = "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage assignments in Azure Blueprints, or share image galleries.",
        PERMISSION(
            .actions = LIST(
                "*"),
            .not_actions = LIST(
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete",
                "Microsoft.Compute/galleries/share/action",
                "Microsoft.Purview/consents/write",
                "Microsoft.Purview/consents/delete",
                "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
                "Microsoft.Subscription/cancel/action",
                "Microsoft.Subscription/enable/action")),
        EVERYWHERE,
    },
    {
        .id = ROLE_IDS "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        .name = "Owner",
        .description = "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        PERMISSION(
            .actions = LIST(
                "*")),
        EVERYWHERE,
    },
};
/* clang-format on */

const struct rbac_role *rbac_builtin_roles(size_t *out_count)
{
    *out_count = COUNT(roles);
    return roles;
}

const struct rbac_role *rbac_builtin_role(const char *id_or_name)
{
    const char *slash = strrchr(id_or_name, '/');
    const char *word = slash ? slash + 1 : id_or_name;
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (text_equal_nocase(word, roles[i].id + strlen(ROLE_IDS)) ||
            text_equal_nocase(id_or_name, roles[i].name))
            return &roles[i];
    }
    return NULL;
}

const struct rbac_role *rbac_builtin_role_for(const char *action, bool data_action)
{
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (rbac_role_gives(&roles[i], action, data_action, NULL, NULL))
            return &roles[i];
    }
    return NULL;
}

const struct rbac_role *rbac_builtin_role_for_all(const char *const *actions, size_t count)
{
    for (size_t i = 0; i < COUNT(roles); i++) {
        size_t given = 0;
        while (given < count && rbac_role_gives(&roles[i], actions[given], false, NULL, NULL))
            given++;
        if (given == count)
            return &roles[i];
    }
    return NULL;
}
