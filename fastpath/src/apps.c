/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens a compiled application database: every count, offset and order is checked once here, so that matching trusts them. */

#include "apps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "view.h"

static int refuse(char *error, const char *reason)
{
    snprintf(error, RS_ERROR_SIZE, "application database: %s", reason);
    return -EINVAL;
}

static const void *section(const struct rs_apps_header *blob, uint64_t *offset, uint64_t count, uint64_t size)
{
    uint64_t start = *offset, end = start + ((count * size + 7) & ~UINT64_C(7));

    if (end > blob->length)
        return NULL;
    *offset = end;
    return (const uint8_t *)blob + start;
}

static int check_header(const struct rs_apps_header *h, size_t length, char *error)
{
    if (length < sizeof *h || memcmp(h->magic, RS_APPS_MAGIC, sizeof h->magic) != 0)
        return refuse(error, "not an application database");
    if (h->version != RS_APPS_VERSION || h->order != RS_APPS_ORDER)
        return refuse(error, "made by another version or for another machine");
    if (h->length != length)
        return refuse(error, "truncated");
    if (h->crc != rs_crc32(0, &h->ids_crc, length - offsetof(struct rs_apps_header, ids_crc)))
        return refuse(error, "checksum is wrong");
    if (h->apps > RS_APPS_MAX || h->domains == 0 || (h->domains & (h->domains - 1)) != 0)
        return refuse(error, "a count is out of range");
    return 0;
}

static int lay_out(struct rs_apps *a)
{
    const struct rs_apps_header *h = a->blob;
    uint64_t at = (sizeof *h + 7) & ~UINT64_C(7);

    if (!(a->records = section(h, &at, h->apps, sizeof *a->records)) ||
        !(a->domains = section(h, &at, h->domains, sizeof *a->domains)) ||
        !(a->ports = section(h, &at, h->ports, sizeof *a->ports)) || !(a->v4 = section(h, &at, h->v4, sizeof *a->v4)) ||
        !(a->v6 = section(h, &at, h->v6, sizeof *a->v6)) ||
        !(a->patterns = section(h, &at, h->patterns, sizeof *a->patterns)) ||
        !(a->strings = section(h, &at, h->strings, 1)))
        return -EINVAL;
    return at == h->length ? 0 : -EINVAL;
}

static int has_text(const struct rs_apps *a, uint32_t offset)
{
    return offset < a->blob->strings && memchr(a->strings + offset, 0, a->blob->strings - offset) != NULL;
}

static int has_bytes(const struct rs_apps *a, uint32_t offset, uint32_t length)
{
    return (uint64_t)offset + length <= a->blob->strings;
}

static int check_names(const struct rs_apps *a)
{
    const struct rs_apps_header *h = a->blob;
    uint32_t free_slots = 0;

    for (uint32_t i = 0; i < h->apps; i++)
        if (!has_text(a, a->records[i].id) || !has_text(a, a->records[i].category))
            return -EINVAL;
    for (uint32_t i = 0; i < h->domains; i++) {
        const struct rs_domain_slot *s = &a->domains[i];

        free_slots += s->length == 0;
        if (s->length != 0 && (s->app == 0 || s->app > h->apps || !has_bytes(a, s->text, s->length)))
            return -EINVAL;
    }
    return free_slots != 0 ? 0 : -EINVAL; /* a full table would never end a probe */
}

static int check_ranges(const struct rs_apps *a)
{
    const struct rs_apps_header *h = a->blob;

    for (uint32_t i = 0; i < h->ports; i++)
        if (a->ports[i].app == 0 || a->ports[i].app > h->apps || a->ports[i].low > a->ports[i].high)
            return -EINVAL;
    for (uint32_t i = 0; i < h->v4; i++)
        if (a->v4[i].app > h->apps || a->v4[i].low > a->v4[i].high || (i > 0 && a->v4[i].low <= a->v4[i - 1].high))
            return -EINVAL;
    for (uint32_t i = 0; i < h->v6; i++)
        if (a->v6[i].app > h->apps || memcmp(a->v6[i].low, a->v6[i].high, 16) > 0 ||
            (i > 0 && memcmp(a->v6[i].low, a->v6[i - 1].high, 16) <= 0))
            return -EINVAL;
    return 0;
}

static int check_patterns(const struct rs_apps *a)
{
    const struct rs_apps_header *h = a->blob;

    if (h->bucket[0] != 0 || h->bucket[RS_APPS_BUCKETS] != h->patterns)
        return -EINVAL;
    for (uint32_t i = 0; i < RS_APPS_BUCKETS; i++)
        if (h->bucket[i] > h->bucket[i + 1])
            return -EINVAL;
    for (uint32_t i = 0; i < h->patterns; i++) {
        const struct rs_pattern *p = &a->patterns[i];

        if (p->app == 0 || p->app > h->apps || p->length == 0 || !has_bytes(a, p->bytes, p->length) ||
            !has_bytes(a, p->mask, p->length))
            return -EINVAL;
    }
    return 0;
}

static void index_ports(const struct rs_apps *a, uint8_t transport, struct rs_apps_blocks *blocks)
{
    uint32_t at = 0;

    while (at < a->blob->ports && a->ports[at].transport < transport)
        at++;
    for (uint32_t block = 0; block <= RS_APPS_BLOCKS; block++) {
        while (at < a->blob->ports && a->ports[at].transport == transport && a->ports[at].high < block << 8)
            at++;
        blocks->first[block] = at;
    }
}

static void index_addresses(const struct rs_apps *a, struct rs_apps_blocks *blocks)
{
    uint32_t at = 0;

    for (uint32_t block = 0; block <= RS_APPS_BLOCKS; block++) {
        while (at < a->blob->v4 && a->v4[at].high < (uint64_t)block << 24)
            at++;
        blocks->first[block] = at;
    }
}

/* How many of the first ids ascend. */
static uint32_t count_ascending(const struct rs_apps *a)
{
    uint32_t count = a->blob->apps > 0;

    while (count > 0 && count < a->blob->apps &&
           strcmp(a->strings + a->records[count - 1].id, a->strings + a->records[count].id) < 0)
        count++;
    return count;
}

int rs_apps_open(const void *data, size_t length, rs_apps **out, char *error)
{
    struct rs_apps *a;
    int rc = check_header(data, length, error);

    *out = NULL;
    if (rc < 0)
        return rc;
    a = calloc(1, sizeof *a);
    if (a == NULL)
        return -ENOMEM;
    a->blob = data;
    if (lay_out(a) < 0 || check_names(a) < 0 || check_ranges(a) < 0 || check_patterns(a) < 0) {
        free(a);
        return refuse(error, "an offset or a number is out of range");
    }
    a->ascending = count_ascending(a);
    index_ports(a, RS_TCP, &a->tcp);
    index_ports(a, RS_UDP, &a->udp);
    index_addresses(a, &a->net);
    *out = a;
    return 0;
}

void rs_apps_close(rs_apps *apps)
{
    free(apps);
}

uint32_t rs_apps_count(const rs_apps *apps)
{
    return apps->blob->apps;
}

uint32_t rs_apps_crc(const rs_apps *apps)
{
    return apps->blob->ids_crc;
}

const char *rs_apps_id(const rs_apps *apps, uint16_t app)
{
    return app == 0 || app > apps->blob->apps ? "" : apps->strings + apps->records[app - 1].id;
}

const char *rs_apps_category(const rs_apps *apps, uint16_t app)
{
    return app == 0 || app > apps->blob->apps ? "" : apps->strings + apps->records[app - 1].category;
}

uint16_t rs_apps_find(const rs_apps *apps, const char *id)
{
    uint32_t low = 0, high = apps->ascending;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = strcmp(id, apps->strings + apps->records[middle].id);

        if (order == 0)
            return (uint16_t)(middle + 1);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    for (uint32_t i = apps->ascending; i < apps->blob->apps; i++)
        if (strcmp(id, apps->strings + apps->records[i].id) == 0)
            return (uint16_t)(i + 1);
    return 0;
}
