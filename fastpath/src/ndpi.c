/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libndpi stage (Debian's 4.2): asked for what the own stages do not know. The library is opened when it is first
 * turned on, so a box that does not use it does not pay for it. It allocates by itself, 7 MB at the start and some per
 * flow; that is why it is off by default. RS_NDPI is 1 where its headers were there at build time.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"

#if RS_NDPI
#include <ctype.h>
#include <dlfcn.h>
#include <ndpi/ndpi_api.h>

#define LIBRARY "libndpi.so.4.2"
#define SLOTS   512u

struct slot {
    uint32_t owner; /* flow number + 1; 0 free */
    uint32_t used;
    struct ndpi_flow_struct *flow;
};

struct rs_ndpi {
    void *library;
    struct ndpi_detection_module_struct *module;
    uint32_t clock;
    uint16_t numbers[NDPI_MAX_SUPPORTED_PROTOCOLS + NDPI_MAX_NUM_CUSTOM_PROTOCOLS];
    struct slot slots[SLOTS];
    __typeof__(ndpi_init_detection_module) *init;
    __typeof__(ndpi_set_protocol_detection_bitmask2) *set_mask;
    __typeof__(ndpi_finalize_initialization) *finalize;
    __typeof__(ndpi_exit_detection_module) *exit;
    __typeof__(ndpi_detection_process_packet) *process;
    __typeof__(ndpi_free_flow) *free_flow;
    __typeof__(ndpi_flow_malloc) *new_flow;
    __typeof__(ndpi_detection_get_sizeof_ndpi_flow_struct) *flow_size;
    __typeof__(ndpi_get_num_supported_protocols) *protocol_count;
    __typeof__(ndpi_get_proto_name) *protocol_name;
};

/* ISO C has no cast from an object pointer to a function pointer; POSIX wants this copy to work. */
static int find(struct rs_ndpi *n, const char *name, void *function)
{
    void *symbol = dlsym(n->library, name);

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static int find_all(struct rs_ndpi *n)
{
    return find(n, "ndpi_init_detection_module", &n->init) &&
           find(n, "ndpi_set_protocol_detection_bitmask2", &n->set_mask) &&
           find(n, "ndpi_finalize_initialization", &n->finalize) && find(n, "ndpi_exit_detection_module", &n->exit) &&
           find(n, "ndpi_detection_process_packet", &n->process) && find(n, "ndpi_free_flow", &n->free_flow) &&
           find(n, "ndpi_flow_malloc", &n->new_flow) &&
           find(n, "ndpi_detection_get_sizeof_ndpi_flow_struct", &n->flow_size) &&
           find(n, "ndpi_get_num_supported_protocols", &n->protocol_count) &&
           find(n, "ndpi_get_proto_name", &n->protocol_name);
}

int rs_ndpi_open(struct rs_ndpi **out)
{
    struct rs_ndpi *n = calloc(1, sizeof *n);
    NDPI_PROTOCOL_BITMASK all;
    int rc = -ENOTSUP;

    *out = NULL;
    if (n == NULL)
        return -ENOMEM;
    n->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (n->library == NULL || !find_all(n))
        goto fail;
    rc = -ENOMEM;
    n->module = n->init(ndpi_no_prefs);
    if (n->module == NULL)
        goto fail;
    NDPI_BITMASK_SET_ALL(all);
    n->set_mask(n->module, &all);
    n->finalize(n->module);
    *out = n;
    return 0;
fail:
    rs_ndpi_close(n);
    return rc;
}

static void empty(struct rs_ndpi *n, struct slot *slot)
{
    if (slot->flow != NULL)
        n->free_flow(slot->flow);
    slot->flow = NULL;
    slot->owner = 0;
}

void rs_ndpi_close(struct rs_ndpi *n)
{
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < SLOTS; i++)
        empty(n, &n->slots[i]);
    if (n->module != NULL)
        n->exit(n->module);
    if (n->library != NULL)
        dlclose(n->library);
    free(n);
}

/* What later versions, and so our database, call otherwise. */
static const char *present_name(const char *id)
{
    static const char *const renamed[][2] = {
        {"dce_rpc", "dcerpc"},        {"redis", "resp"},
        {"z39.50", "z3950"},          {"sina(weibo)", "sinaweibo"},
        {"ubuntuone", "ubuntu"},      {"hotmail", "outlook"},
        {"mining", "bitcoin"},        {"messenger", "facebookmessenger"},
        {"skypecall", "skype_teams"}, {"qqlive", "tencentvideo"},
    };

    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
        if (strcmp(id, renamed[i][0]) == 0)
            return renamed[i][1];
    return id;
}

/* Its names in lower case are our ids, where the database has them. */
void rs_ndpi_set_apps(struct rs_ndpi *n, const struct rs_apps *apps)
{
    uint32_t count = n->protocol_count(n->module), room = sizeof n->numbers / sizeof n->numbers[0];

    for (uint32_t i = 1; i < count && i < room; i++) {
        char id[RS_ID_SIZE] = "";
        const char *name = n->protocol_name(n->module, (uint16_t)i);

        for (uint32_t k = 0; name[k] != 0 && k < sizeof id - 1; k++)
            id[k] = (char)tolower((unsigned char)name[k]);
        n->numbers[i] = rs_apps_find(apps, present_name(id));
    }
}

static struct slot *slot_for(struct rs_ndpi *n, struct rs_look *look)
{
    uint16_t *index = &look->flow->detail.open.ndpi;
    struct slot *best = n->slots;

    n->clock++;
    if (*index != 0 && n->slots[*index - 1].owner == look->flow_number + 1)
        return &n->slots[*index - 1];
    if (*index != 0)
        return NULL; /* lost its place to another flow: a start from the middle would mislead */
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (n->slots[i].owner == 0) {
            best = &n->slots[i];
            break;
        }
        if (n->clock - n->slots[i].used > n->clock - best->used)
            best = &n->slots[i];
    }
    empty(n, best);
    best->flow = n->new_flow(n->flow_size());
    if (best->flow == NULL)
        return NULL;
    memset(best->flow, 0, n->flow_size());
    best->owner = look->flow_number + 1;
    *index = (uint16_t)(best - n->slots + 1);
    return best;
}

static uint16_t number(const struct rs_ndpi *n, uint16_t protocol)
{
    return protocol < sizeof n->numbers / sizeof n->numbers[0] ? n->numbers[protocol] : 0;
}

int rs_ndpi_ask(struct rs_ndpi *n, struct rs_look *look, uint16_t *protocol, uint16_t *application)
{
    struct slot *slot = slot_for(n, look);
    ndpi_protocol found;
    uint32_t length = look->packet->length;

    if (slot == NULL)
        return 0;
    slot->used = n->clock;
    found = n->process(n->module, slot->flow, look->packet->data, (uint16_t)(length > UINT16_MAX ? UINT16_MAX : length),
                       look->packet->now_ms);
    *protocol = number(n, found.master_protocol != 0 ? found.master_protocol : found.app_protocol);
    *application = number(n, found.app_protocol != 0 ? found.app_protocol : found.master_protocol);
    return *protocol != 0 || *application != 0;
}

void rs_ndpi_forget(struct rs_ndpi *n, struct rs_flow *flow, uint32_t flow_number)
{
    uint16_t index = flow->detail.open.ndpi;

    if (index != 0 && n->slots[index - 1].owner == flow_number + 1)
        empty(n, &n->slots[index - 1]);
}

#else

int rs_ndpi_open(struct rs_ndpi **out)
{
    *out = NULL;
    return -ENOTSUP;
}

void rs_ndpi_close(struct rs_ndpi *n)
{
    free(n);
}

void rs_ndpi_set_apps(struct rs_ndpi *n, const struct rs_apps *apps)
{
    (void)n;
    (void)apps;
}

int rs_ndpi_ask(struct rs_ndpi *n, struct rs_look *look, uint16_t *protocol, uint16_t *application)
{
    (void)n;
    (void)look;
    *protocol = *application = 0;
    return 0;
}

void rs_ndpi_forget(struct rs_ndpi *n, struct rs_flow *flow, uint32_t flow_number)
{
    (void)n;
    (void)flow;
    (void)flow_number;
}

#endif
