/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads a compiled policy table: every count, order and index is checked once here, so that deciding checks nothing. */

#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crc32.h"

static int refuse(char *error, const char *reason)
{
    snprintf(error, RS_ERROR_SIZE, "policy table: %s", reason);
    return -EINVAL;
}

/* Takes count items of size bytes from the blob at *offset; NULL when it is too short. */
static const void *section(const struct rs_policy_header *blob, uint64_t *offset, uint64_t count, uint64_t size)
{
    uint64_t start = *offset, end = start + ((count * size + 7) & ~UINT64_C(7));

    if (end > blob->length)
        return NULL;
    *offset = end;
    return (const uint8_t *)blob + start;
}

static int lay_out(struct rs_policy *p)
{
    const struct rs_policy_header *h = p->blob;
    uint64_t at = sizeof *h;

    p->words = (h->apps + 64) / 64;
    if (!(p->set_start = section(h, &at, (uint64_t)h->sets + 1, 4)) || !(p->members = section(h, &at, h->members, 4)) ||
        !(p->v4_start = section(h, &at, h->v4, 4)) || !(p->v4_set = section(h, &at, h->v4, 4)) ||
        !(p->v6_start = section(h, &at, h->v6, 16)) || !(p->v6_set = section(h, &at, h->v6, 4)) ||
        !(p->macs = section(h, &at, h->macs, 8)) || !(p->mac_set = section(h, &at, h->macs, 4)) ||
        !(p->appsets = section(h, &at, h->appsets, 8ull * p->words)) ||
        !(p->rows = section(h, &at, h->rows, sizeof *p->rows)) || !(p->locals = section(h, &at, h->locals, 32)) ||
        !(p->url = section(h, &at, (uint64_t)h->url + 1, 1)))
        return -EINVAL;
    return at == h->length ? 0 : -EINVAL;
}

/* How much of data is the first table, by its own head; all of it where that makes no sense. */
static size_t first_length(const void *data, size_t length)
{
    uint32_t own;

    if (length < sizeof(struct rs_policy_header))
        return length;
    memcpy(&own, (const uint8_t *)data + offsetof(struct rs_policy_header, length), sizeof own);
    return own >= sizeof(struct rs_policy_header) && own < length ? own : length;
}

static int check_header(const struct rs_policy_header *h, size_t length, char *error)
{
    if (length < sizeof *h || memcmp(h->magic, RS_POLICY_MAGIC, sizeof h->magic) != 0)
        return refuse(error, "not a policy table");
    if (h->version != RS_POLICY_VERSION || h->order != RS_POLICY_ORDER)
        return refuse(error, "made by another version or for another machine");
    if (h->length != length)
        return refuse(error, "truncated");
    if (h->crc != rs_crc32(0, &h->generation, length - offsetof(struct rs_policy_header, generation)))
        return refuse(error, "checksum is wrong");
    if (h->generation >= RS_GENERATIONS || h->apps > RS_APPS_MAX || h->rows > RS_POLICY_ROWS_MAX || h->reserved != 0)
        return refuse(error, "a count is out of range");
    return 0;
}

static int check_sets(const struct rs_policy *p, char *error)
{
    const struct rs_policy_header *h = p->blob;

    if (h->sets < 1 || p->set_start[0] != 0 || p->set_start[1] != 0 || p->set_start[h->sets] != h->members)
        return refuse(error, "group sets do not fit");
    for (uint32_t s = 0; s < h->sets; s++) {
        uint32_t first = p->set_start[s], last = p->set_start[s + 1];

        if (first > last || last > h->members)
            return refuse(error, "group sets are out of order");
        for (uint32_t m = first; m < last; m++)
            if (p->members[m] >= h->groups || (m > first && p->members[m] <= p->members[m - 1]))
                return refuse(error, "a group set has a wrong member");
    }
    return 0;
}

static int check_addresses(const struct rs_policy *p, char *error)
{
    const struct rs_policy_header *h = p->blob;
    static const uint8_t zero[16];

    if (h->v4 < 1 || p->v4_start[0] != 0 || h->v6 < 1 || memcmp(p->v6_start[0], zero, 16) != 0)
        return refuse(error, "address tables do not start at zero");
    for (uint32_t i = 0; i < h->v4; i++)
        if (p->v4_set[i] >= h->sets || (i > 0 && p->v4_start[i] <= p->v4_start[i - 1]))
            return refuse(error, "IPv4 intervals are out of order");
    for (uint32_t i = 0; i < h->v6; i++)
        if (p->v6_set[i] >= h->sets || (i > 0 && memcmp(p->v6_start[i], p->v6_start[i - 1], 16) <= 0))
            return refuse(error, "IPv6 intervals are out of order");
    for (uint32_t i = 0; i < h->macs; i++)
        if (p->mac_set[i] >= h->sets || p->macs[i] >> 48 || (i > 0 && p->macs[i] <= p->macs[i - 1]))
            return refuse(error, "MACs are out of order");
    for (uint32_t i = 0; i < h->locals; i++)
        if (memcmp(p->locals[i][0], p->locals[i][1], 16) > 0 ||
            (i > 0 && memcmp(p->locals[i][0], p->locals[i - 1][1], 16) <= 0))
            return refuse(error, "local networks are out of order");
    return 0;
}

static int check_rows(const struct rs_policy *p, char *error)
{
    const struct rs_policy_header *h = p->blob;
    uint64_t spare = (h->apps + 1) % 64 ? ~UINT64_C(0) << ((h->apps + 1) % 64) : 0;

    for (uint32_t i = 0; i < h->appsets; i++)
        if (p->appsets[(uint64_t)(i + 1) * p->words - 1] & spare)
            return refuse(error, "an application set names an application that does not exist");
    for (uint32_t i = 0; i < h->rows; i++) {
        const struct rs_policy_row *row = &p->rows[i];

        if (row->groups >= h->sets || row->except >= h->sets || row->appset >= h->appsets || row->action > RS_BLOCK)
            return refuse(error, "a row points outside");
    }
    if (memchr(p->url, 0, (size_t)h->url + 1) != p->url + h->url)
        return refuse(error, "the page's URL has a NUL inside");
    return 0;
}

/* One mapping for all caches: pages are only taken when a class is first built, so an idle table costs nothing. */
static int make_caches(struct rs_policy *p)
{
    size_t groups = ((size_t)p->blob->groups + 63) / 64 * 8;
    size_t classes = RS_POLICY_CLASSES * sizeof(struct rs_policy_class);
    size_t rows = ((size_t)RS_POLICY_CLASSES * (p->blob->apps + 1) * 2 + 63) & ~(size_t)63;
    size_t each = (groups + classes + rows + 63) & ~(size_t)63;

    p->caches = calloc(p->threads, sizeof *p->caches);
    if (!p->caches)
        return -ENOMEM;
    p->cache_length = each * p->threads;
    p->cache_memory = mmap(NULL, p->cache_length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p->cache_memory == MAP_FAILED) {
        p->cache_memory = NULL;
        return -ENOMEM;
    }
    for (uint32_t t = 0; t < p->threads; t++) {
        uint8_t *at = (uint8_t *)p->cache_memory + each * t;

        p->caches[t].groups = (uint64_t *)at;
        p->caches[t].classes = (struct rs_policy_class *)(at + groups);
        p->caches[t].rows = (uint16_t *)(at + groups + classes);
    }
    return 0;
}

static int open_lanes(struct rs_policy *p, const uint8_t *data, size_t length, char *error)
{
    int result = rs_policy_open(data, length, p->threads, &p->lanes, error);

    if (result < 0)
        return result;
    if (p->lanes->lanes || p->lanes->blob->apps != p->blob->apps || p->lanes->blob->apps_crc != p->blob->apps_crc)
        return refuse(error, "the lanes are made for other applications");
    return 0;
}

int rs_policy_open(const void *data, size_t length, uint32_t threads, rs_policy **out, char *error)
{
    size_t whole = length;
    struct rs_policy *p;
    int result;

    length = first_length(data, length);

    *out = NULL;
    if (threads < 1)
        return refuse(error, "no thread");
    p = calloc(1, sizeof *p);
    if (!p || !(p->blob = malloc(length > sizeof *p->blob ? length : sizeof *p->blob))) {
        snprintf(error, RS_ERROR_SIZE, "policy table: out of memory");
        result = -ENOMEM;
        goto fail;
    }
    memcpy(p->blob, data, length);
    p->threads = threads;
    if ((result = check_header(p->blob, length, error)) < 0)
        goto fail;
    if (lay_out(p) < 0) {
        result = refuse(error, "sections do not fit its length");
        goto fail;
    }
    if ((result = check_sets(p, error)) < 0 || (result = check_addresses(p, error)) < 0 ||
        (result = check_rows(p, error)) < 0)
        goto fail;
    if ((result = make_caches(p)) < 0) {
        snprintf(error, RS_ERROR_SIZE, "policy table: out of memory");
        goto fail;
    }
    if (whole > length && (result = open_lanes(p, (const uint8_t *)data + length, whole - length, error)) < 0)
        goto fail;
    *out = p;
    return 0;
fail:
    rs_policy_close(p);
    return result;
}

void rs_policy_close(rs_policy *p)
{
    if (!p)
        return;
    rs_policy_close(p->lanes);
    if (p->cache_memory)
        munmap(p->cache_memory, p->cache_length);
    free(p->caches);
    free(p->blob);
    free(p);
}

int rs_policy_is_local(const rs_policy *p, const uint8_t *address)
{
    uint32_t low = 0, high = p->blob->locals;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (memcmp(p->locals[middle][0], address, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && memcmp(address, p->locals[low - 1][1], 16) <= 0;
}

uint32_t rs_policy_generation(const rs_policy *p)
{
    return p->blob->generation;
}

uint32_t rs_policy_apps_count(const rs_policy *p)
{
    return p->blob->apps;
}

uint32_t rs_policy_apps_crc(const rs_policy *p)
{
    return p->blob->apps_crc;
}

const char *rs_policy_page_url(const rs_policy *p)
{
    return p->url;
}
