/* vm_sizes.c - the VM sizes that this program knows by heart.
 *
 * Sources: shapes from kubernetes/autoscaler's azure_instance_types.go (generated from Azure's
 * resource-SKU API), prices from karpenter-provider-azure's pricing table (pay-as-you-go, Linux,
 * eastus, indicative only), temporary disks from the official vmSizes example.  What a region
 * really offers is the plane's own list (locations/{location}/vmSizes), which a plan asks for. */
#include "model/vm_sizes.h"

#include <stdlib.h>
#include <strings.h>

#include "base/text.h"

/* Sorted by name, case folded: vm_size_find() searches by halves. */
static const struct vm_size sizes[] = {
    /* name, family, cores, memory_mib, gpus, disk_mib, price_usd_hour */
    { "Standard_B1s", "standardBSFamily", 1, 1024, 0, 0, 0.0104 },
    { "Standard_B2ms", "standardBSFamily", 2, 8192, 0, 0, 0.0832 },
    { "Standard_B2s", "standardBSFamily", 2, 4096, 0, 0, 0.0416 },
    { "Standard_B4ms", "standardBSFamily", 4, 16384, 0, 0, 0.166 },
    { "Standard_D11_v2", "standardDv2Family", 2, 14336, 0, 0, 0.185 },
    { "Standard_D12_v2", "standardDv2Family", 4, 28672, 0, 0, 0.371 },
    { "Standard_D13_v2", "standardDv2Family", 8, 57344, 0, 0, 0.741 },
    { "Standard_D14_v2", "standardDv2Family", 16, 114688, 0, 0, 1.482 },
    { "Standard_D16_v3", "standardDv3Family", 16, 65536, 0, 0, 0.768 },
    { "Standard_D16s_v3", "standardDSv3Family", 16, 65536, 0, 0, 0.768 },
    { "Standard_D16s_v5", "standardDSv5Family", 16, 65536, 0, 0, 0.768 },
    { "Standard_D1_v2", "standardDv2Family", 1, 3584, 0, 0, 0.073 },
    { "Standard_D2_v2", "standardDv2Family", 2, 7168, 0, 0, 0.146 },
    { "Standard_D2_v3", "standardDv3Family", 2, 8192, 0, 0, 0.096 },
    { "Standard_D2as_v5", "standardDASv5Family", 2, 8192, 0, 0, 0.086 },
    { "Standard_D2ds_v5", "standardDDSv5Family", 2, 8192, 0, 0, 0.113 },
    { "Standard_D2s_v3", "standardDSv3Family", 2, 8192, 0, 0, 0.096 },
    { "Standard_D2s_v4", "standardDSv4Family", 2, 8192, 0, 0, 0.096 },
    { "Standard_D2s_v5", "standardDSv5Family", 2, 8192, 0, 0, 0.096 },
    { "Standard_D32s_v3", "standardDSv3Family", 32, 131072, 0, 0, 1.536 },
    { "Standard_D3_v2", "standardDv2Family", 4, 14336, 0, 0, 0.293 },
    { "Standard_D48s_v3", "standardDSv3Family", 48, 196608, 0, 0, 2.304 },
    { "Standard_D4_v2", "standardDv2Family", 8, 28672, 0, 0, 0.585 },
    { "Standard_D4_v3", "standardDv3Family", 4, 16384, 0, 0, 0.192 },
    { "Standard_D4as_v5", "standardDASv5Family", 4, 16384, 0, 0, 0.172 },
    { "Standard_D4ds_v5", "standardDDSv5Family", 4, 16384, 0, 0, 0.226 },
    { "Standard_D4s_v3", "standardDSv3Family", 4, 16384, 0, 0, 0.192 },
    { "Standard_D4s_v4", "standardDSv4Family", 4, 16384, 0, 0, 0.192 },
    { "Standard_D4s_v5", "standardDSv5Family", 4, 16384, 0, 0, 0.192 },
    { "Standard_D5_v2", "standardDv2Family", 16, 57344, 0, 0, 1.17 },
    { "Standard_D64s_v3", "standardDSv3Family", 64, 262144, 0, 0, 3.072 },
    { "Standard_D8_v3", "standardDv3Family", 8, 32768, 0, 0, 0.384 },
    { "Standard_D8as_v5", "standardDASv5Family", 8, 32768, 0, 0, 0.344 },
    { "Standard_D8ds_v5", "standardDDSv5Family", 8, 32768, 0, 0, 0.452 },
    { "Standard_D8s_v3", "standardDSv3Family", 8, 32768, 0, 0, 0.384 },
    { "Standard_D8s_v4", "standardDSv4Family", 8, 32768, 0, 0, 0.384 },
    { "Standard_D8s_v5", "standardDSv5Family", 8, 32768, 0, 0, 0.384 },
    { "Standard_DS11_v2", "standardDSv2Family", 2, 14336, 0, 28672, 0.185 },
    { "Standard_DS12_v2", "standardDSv2Family", 4, 28672, 0, 57344, 0.371 },
    { "Standard_DS13_v2", "standardDSv2Family", 8, 57344, 0, 114688, 0.741 },
    { "Standard_DS14_v2", "standardDSv2Family", 16, 114688, 0, 229376, 1.482 },
    { "Standard_DS15_v2", "standardDSv2Family", 20, 143360, 0, 0, 1.853 },
    { "Standard_DS1_v2", "standardDSv2Family", 1, 3584, 0, 7168, 0.073 },
    { "Standard_DS2_v2", "standardDSv2Family", 2, 7168, 0, 14336, 0.146 },
    { "Standard_DS3_v2", "standardDSv2Family", 4, 14336, 0, 28672, 0.293 },
    { "Standard_DS4_v2", "standardDSv2Family", 8, 28672, 0, 57344, 0.585 },
    { "Standard_DS5_v2", "standardDSv2Family", 16, 57344, 0, 114688, 1.17 },
    { "Standard_E16ds_v5", "standardEDSv5Family", 16, 131072, 0, 0, 1.152 },
    { "Standard_E16s_v3", "standardESv3Family", 16, 131072, 0, 0, 1.008 },
    { "Standard_E2ds_v5", "standardEDSv5Family", 2, 16384, 0, 0, 0.144 },
    { "Standard_E2s_v3", "standardESv3Family", 2, 16384, 0, 0, 0.126 },
    { "Standard_E32s_v3", "standardESv3Family", 32, 262144, 0, 0, 2.016 },
    { "Standard_E4ds_v5", "standardEDSv5Family", 4, 32768, 0, 0, 0.288 },
    { "Standard_E4s_v3", "standardESv3Family", 4, 32768, 0, 0, 0.252 },
    { "Standard_E64s_v3", "standardESv3Family", 64, 442368, 0, 0, 3.629 },
    { "Standard_E8ds_v5", "standardEDSv5Family", 8, 65536, 0, 0, 0.576 },
    { "Standard_E8s_v3", "standardESv3Family", 8, 65536, 0, 0, 0.504 },
    { "Standard_F16s_v2", "standardFSv2Family", 16, 32768, 0, 0, 0.677 },
    { "Standard_F2s_v2", "standardFSv2Family", 2, 4096, 0, 0, 0.0846 },
    { "Standard_F32s_v2", "standardFSv2Family", 32, 65536, 0, 0, 1.353 },
    { "Standard_F48s_v2", "standardFSv2Family", 48, 98304, 0, 0, 2.03 },
    { "Standard_F4s_v2", "standardFSv2Family", 4, 8192, 0, 0, 0.169 },
    { "Standard_F64s_v2", "standardFSv2Family", 64, 131072, 0, 0, 2.706 },
    { "Standard_F72s_v2", "standardFSv2Family", 72, 147456, 0, 0, 3.045 },
    { "Standard_F8s_v2", "standardFSv2Family", 8, 16384, 0, 0, 0.338 },
    { "Standard_M128s", "standardMSFamily", 128, 2097152, 0, 0, 13.338 },
    { "Standard_M64s", "standardMSFamily", 64, 1048576, 0, 0, 6.669 },
    { "Standard_NC12s_v3", "standardNCSv3Family", 12, 229376, 2, 0, 6.12 },
    { "Standard_NC16as_T4_v3", "Standard NCASv3_T4 Family", 16, 112640, 1, 0, 1.204 },
    { "Standard_NC24ads_A100_v4", "StandardNCADSA100v4Family", 24, 225280, 1, 0, 3.673 },
    { "Standard_NC24rs_v3", "standardNCSv3Family", 24, 458752, 4, 0, 13.46 },
    { "Standard_NC24s_v3", "standardNCSv3Family", 24, 458752, 4, 0, 12.24 },
    { "Standard_NC40ads_H100_v5", "StandardNCadsH100v5Family", 40, 327680, 1, 0, 6.98 },
    { "Standard_NC48ads_A100_v4", "StandardNCADSA100v4Family", 48, 450560, 2, 0, 7.346 },
    { "Standard_NC4as_T4_v3", "Standard NCASv3_T4 Family", 4, 28672, 1, 0, 0.526 },
    { "Standard_NC64as_T4_v3", "Standard NCASv3_T4 Family", 64, 450560, 4, 0, 4.352 },
    { "Standard_NC6s_v3", "standardNCSv3Family", 6, 114688, 1, 0, 3.06 },
    { "Standard_NC80adis_H100_v5", "StandardNCadsH100v5Family", 80, 655360, 2, 0, 13.96 },
    { "Standard_NC8as_T4_v3", "Standard NCASv3_T4 Family", 8, 57344, 1, 0, 0.752 },
    { "Standard_NC96ads_A100_v4", "StandardNCADSA100v4Family", 96, 901120, 4, 0, 14.692 },
    { "Standard_ND40rs_v2", "standardNDSv2Family", 40, 688128, 8, 0, 22.032 },
    { "Standard_ND96amsr_A100_v4", "standard NDAMSv4_A100Family", 96, 1843200, 8, 0, 32.77 },
    { "Standard_ND96asr_v4", "Standard NDASv4_A100 Family", 96, 921600, 8, 0, 27.197 },
    { "Standard_ND96isr_H100_v5", "standardNDSH100v5Family", 96, 1945600, 8, 0, 98.32 },
    { "Standard_ND96isr_H200_v5", "standardNDISRH200V5Family", 96, 1894400, 8, 0, 0 },
    { "Standard_NV12ads_A10_v5", "StandardNVADSA10v5Family", 12, 112640, 1, 0, 0.908 },
    { "Standard_NV12s_v3", "standardNVSv3Family", 12, 114688, 1, 0, 1.14 },
    { "Standard_NV18ads_A10_v5", "StandardNVADSA10v5Family", 18, 225280, 1, 0, 1.6 },
    { "Standard_NV36adms_A10_v5", "StandardNVADSA10v5Family", 36, 901120, 1, 0, 4.52 },
    { "Standard_NV36ads_A10_v5", "StandardNVADSA10v5Family", 36, 450560, 1, 0, 3.2 },
    { "Standard_NV6ads_A10_v5", "StandardNVADSA10v5Family", 6, 56320, 1, 0, 0.454 },
    { "Standard_NV72ads_A10_v5", "StandardNVADSA10v5Family", 72, 901120, 2, 0, 6.52 },
};

const struct vm_size *vm_sizes(size_t *out_count)
{
    *out_count = COUNT(sizes);
    return sizes;
}

static int compare(const void *name, const void *row)
{
    return strcasecmp(name, ((const struct vm_size *)row)->name);
}

const struct vm_size *vm_size_find(const char *name)
{
    if (!name)
        return NULL;
    return bsearch(name, sizes, COUNT(sizes), sizeof sizes[0], compare);
}

void vm_family_usage_name(const char *family, char *out, size_t out_size)
{
    static const char head[] = "standard", tail[] = "Family";
    size_t size = strlen(family);
    if (size > sizeof head - 1 + sizeof tail - 1 && text_starts_nocase(family, head) &&
        strcasecmp(family + size - (sizeof tail - 1), tail) == 0) {
        family += sizeof head - 1;
        size -= sizeof head - 1 + sizeof tail - 1;
    }
    snprintf(out, out_size, "Standard %.*s Family Cluster Dedicated vCPUs", (int)size, family);
}

void vm_family_short_name(const char *family, char *out, size_t out_size)
{
    static const char head[] = "Standard", tail[] = "Family", usage[] = " Cluster Dedicated vCPUs";
    size_t size = strlen(family);
    if (size > sizeof usage - 1 && strcasecmp(family + size - (sizeof usage - 1), usage) == 0)
        size -= sizeof usage - 1;
    if (text_starts_nocase(family, head)) {
        family += sizeof head - 1;
        size -= sizeof head - 1;
    }
    if (size > sizeof tail - 1 && strncasecmp(family + size - (sizeof tail - 1), tail, 6) == 0)
        size -= sizeof tail - 1;
    while (size > 0 && strchr(" _", family[size - 1]))
        size--;
    while (size > 0 && strchr(" _", *family)) {
        family++;
        size--;
    }
    snprintf(out, out_size, "%.*s", (int)size, family);
}

/* The short name without what people forget: blanks, underscores, hyphens. */
static void bare_name(const char *family, char out[VM_FAMILY_USAGE_SIZE])
{
    char name[VM_FAMILY_USAGE_SIZE];
    size_t used = 0;
    vm_family_short_name(family, name, sizeof name);
    for (const char *at = name; *at; at++)
        if (!strchr(" _-", *at))
            out[used++] = *at;
    out[used] = '\0';
}

const char *vm_family_find(const char *said)
{
    char wanted[VM_FAMILY_USAGE_SIZE], known[VM_FAMILY_USAGE_SIZE];
    const struct vm_size *size = vm_size_find(said);
    if (!said || size)
        return size ? size->family : NULL;
    bare_name(said, wanted);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        bare_name(sizes[i].family, known);
        if (text_equal_nocase(wanted, known))
            return sizes[i].family;
    }
    return NULL;
}
