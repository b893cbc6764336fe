/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the shaper's configuration: one thing a line, words separated by blanks, first "rs-shape 1".
 *
 *   down DEVICE [LAN ...]                 line N DEVICE UP DOWN
 *   smart PERCENT DELAY_MS                first PERCENT                 default LIMIT
 *   group NAME ALWAYS UP_MIN UP_MAX DOWN_MIN DOWN_MAX
 *   limit NAME GROUP|- PRIORITY ALWAYS UP_MIN UP_MAX DOWN_MIN DOWN_MAX       range FIRST LAST LIMIT          mac MAC LIMIT
 *
 * Groups, limits and ranges are numbered from 0 in their order.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "shape.h"

#define WORDS_MAX  (RS_SHAPE_LANS + 2)
#define RATE_MAX   UINT64_C(400000000000)
#define RANGES_MAX 200000u

struct reader {
    struct rs_shape_config *config;
    char *words[WORDS_MAX];
    uint32_t count, line;
    uint32_t range_room, mac_room;
    char *error;
};

static int refuse(struct reader *r, const char *reason)
{
    snprintf(r->error, RS_ERROR_SIZE, "shape: line %u: %s", r->line, reason);
    return -EINVAL;
}

static int number(const char *word, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;

    if (!*word)
        return 0;
    for (; *word; word++) {
        if (*word < '0' || *word > '9' || value > most)
            return 0;
        value = value * 10 + (uint64_t)(*word - '0');
    }
    *out = value;
    return value <= most;
}

static int name(const char *word, char *out, size_t size)
{
    size_t length = strlen(word);

    if (length == 0 || length >= size)
        return 0;
    memcpy(out, word, length + 1);
    return 1;
}

static int rates(char **words, struct rs_rates out[2])
{
    for (int d = 0; d < 2; d++)
        if (!number(words[2 * d], RATE_MAX, &out[d].min) || !number(words[2 * d + 1], RATE_MAX, &out[d].max) ||
            (out[d].max && out[d].min > out[d].max))
            return 0;
    return 1;
}

static int limit_number(const struct reader *r, const char *word, uint16_t *out)
{
    uint64_t value;

    if (!number(word, RS_SHAPE_LIMITS, &value) || value >= r->config->limit_count)
        return 0;
    *out = (uint16_t)value;
    return 1;
}

static int address(const char *word, uint8_t out[16])
{
    memset(out, 0, 16);
    if (strchr(word, ':'))
        return inet_pton(AF_INET6, word, out) == 1;
    out[10] = out[11] = 0xff;
    return inet_pton(AF_INET, word, out + 12) == 1;
}

static int read_line(struct reader *r)
{
    uint64_t line, up, down;
    struct rs_shape_line *to;

    if (r->count != 5 || !number(r->words[1], RS_SHAPE_LINES - 1, &line) || line == 0 ||
        !number(r->words[3], RATE_MAX, &up) || !number(r->words[4], RATE_MAX, &down) || !up || !down)
        return refuse(r, "a line needs number, device and two rates");
    to = &r->config->lines[line];
    if (to->device[0] || !name(r->words[2], to->device, sizeof to->device))
        return refuse(r, "a line is given twice, or its device's name is too long");
    to->rate[RS_UP] = up;
    to->rate[RS_DOWN] = down;
    return 0;
}

static int read_down(struct reader *r)
{
    if (r->count < 2 || r->config->down[0] || !name(r->words[1], r->config->down, RS_SHAPE_DEVICE))
        return refuse(r, "one device downwards is needed");
    for (uint32_t i = 2; i < r->count; i++)
        if (!name(r->words[i], r->config->lans[r->config->lan_count++], RS_SHAPE_DEVICE))
            return refuse(r, "a device's name is too long");
    return 0;
}

static int read_group(struct reader *r)
{
    struct rs_shape_group *group = &r->config->groups[r->config->group_count];
    uint64_t is_always;

    if (r->config->group_count == RS_SHAPE_GROUPS)
        return refuse(r, "too many groups");
    if (r->count != 7 || !name(r->words[1], group->name, sizeof group->name) || !number(r->words[2], 1, &is_always) ||
        !rates(r->words + 3, group->rates))
        return refuse(r, "a group needs name, always and four rates, minimums below maximums");
    group->is_always = (uint8_t)is_always;
    r->config->group_count++;
    return 0;
}

static int read_limit(struct reader *r)
{
    struct rs_shape_limit *limit = &r->config->limits[r->config->limit_count];
    uint64_t group = 0, priority, is_always;

    if (r->config->limit_count == RS_SHAPE_LIMITS)
        return refuse(r, "too many limits");
    if (r->count != 9 || !name(r->words[1], limit->name, sizeof limit->name) || !number(r->words[3], 7, &priority) ||
        !number(r->words[4], 1, &is_always) || !rates(r->words + 5, limit->rates))
        return refuse(r, "a limit needs name, group, priority, always and four rates, minimums below maximums");
    if (strcmp(r->words[2], "-") != 0) {
        if (!number(r->words[2], RS_SHAPE_GROUPS, &group) || group >= r->config->group_count)
            return refuse(r, "there is no such group");
        group++;
    }
    limit->group = (uint16_t)group;
    limit->priority = (uint8_t)priority;
    limit->is_always = (uint8_t)is_always;
    r->config->limit_count++;
    return 0;
}

/* One more place in an array that doubles; NULL: no memory. */
static void *grow(void *array, uint32_t *room, uint32_t count, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 64;
    return realloc(array, *room * size);
}

static int read_range(struct reader *r)
{
    struct rs_shape_config *c = r->config;
    struct rs_shape_range range, *grown;

    if (r->count != 4 || !address(r->words[1], range.first) || !address(r->words[2], range.last) ||
        !limit_number(r, r->words[3], &range.limit) || c->range_count == RANGES_MAX)
        return refuse(r, "a range needs two addresses and a limit that exists");
    if (memcmp(range.first, range.last, 16) > 0 ||
        (c->range_count && memcmp(range.first, c->ranges[c->range_count - 1].last, 16) <= 0))
        return refuse(r, "ranges are out of order");
    if (!(grown = grow(c->ranges, &r->range_room, c->range_count, sizeof *c->ranges)))
        return -ENOMEM;
    c->ranges = grown;
    c->ranges[c->range_count++] = range;
    return 0;
}

static int read_mac(struct reader *r)
{
    struct rs_shape_config *c = r->config;
    struct rs_shape_mac mac = {0}, *grown;
    unsigned b[6];
    char rest;

    if (r->count != 3 ||
        sscanf(r->words[1], "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) != 6 ||
        !limit_number(r, r->words[2], &mac.limit) || c->mac_count == RANGES_MAX)
        return refuse(r, "a MAC needs a limit that exists");
    for (int i = 0; i < 6; i++)
        mac.mac = mac.mac << 8 | b[i];
    if (c->mac_count && mac.mac <= c->macs[c->mac_count - 1].mac)
        return refuse(r, "MACs are out of order");
    if (!(grown = grow(c->macs, &r->mac_room, c->mac_count, sizeof *c->macs)))
        return -ENOMEM;
    c->macs = grown;
    c->macs[c->mac_count++] = mac;
    return 0;
}

static int read_smart(struct reader *r)
{
    uint64_t percent, delay;

    if (r->count != 3 || !number(r->words[1], 100, &percent) || percent < 1 || !number(r->words[2], 60000, &delay))
        return refuse(r, "smart needs a percentage and a delay");
    r->config->is_smart = 1;
    r->config->full_percent = (uint8_t)percent;
    r->config->max_delay_ms = (uint32_t)delay;
    return 0;
}

static int read_first(struct reader *r)
{
    uint64_t percent;

    if (r->count != 2 || !number(r->words[1], 90, &percent) || percent < 1)
        return refuse(r, "first needs a percentage up to 90");
    r->config->first_percent = (uint8_t)percent;
    return 0;
}

static int read_default(struct reader *r)
{
    uint16_t limit;

    if (r->count != 2 || !limit_number(r, r->words[1], &limit))
        return refuse(r, "default needs a limit that exists");
    r->config->default_limit = (uint16_t)(limit + 1);
    return 0;
}

static const struct {
    const char *word;
    int (*read)(struct reader *r);
} items[] = {
    {"default", read_default}, {"down", read_down}, {"first", read_first}, {"group", read_group}, {"limit", read_limit},
    {"line", read_line},       {"mac", read_mac},   {"range", read_range}, {"smart", read_smart},
};

static int read_item(struct reader *r, char *text)
{
    char *rest = NULL;

    r->line++;
    r->count = 0;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (r->count == WORDS_MAX)
            return refuse(r, "too many words");
        r->words[r->count++] = word;
    }
    if (r->line == 1)
        return r->count == 2 && strcmp(r->words[0], "rs-shape") == 0 && strcmp(r->words[1], "1") == 0
                   ? 0
                   : refuse(r, "this is no configuration of the shaper");
    for (size_t i = 0; r->count && i < sizeof items / sizeof *items; i++)
        if (strcmp(items[i].word, r->words[0]) == 0)
            return items[i].read(r);
    return refuse(r, "unknown word");
}

int rs_shape_parse(const char *text, size_t length, struct rs_shape_config **out, char *error)
{
    struct reader r = {.error = error};
    char *copy = malloc(length + 1), *rest = NULL;
    int result = 0;

    *out = NULL;
    r.config = calloc(1, sizeof *r.config);
    if (r.config)
        r.config->limits = calloc(RS_SHAPE_LIMITS, sizeof *r.config->limits);
    if (!copy || !r.config || !r.config->limits) {
        snprintf(error, RS_ERROR_SIZE, "shape: out of memory");
        result = -ENOMEM;
        goto end;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    for (char *line = strtok_r(copy, "\n", &rest); line && result == 0; line = strtok_r(NULL, "\n", &rest))
        result = read_item(&r, line);
    if (result == 0 && (r.line == 0 || !r.config->down[0]))
        result = refuse(&r, "the end came too early");
end:
    free(copy);
    if (result < 0)
        rs_shape_free(r.config);
    else
        *out = r.config;
    return result;
}

void rs_shape_free(struct rs_shape_config *config)
{
    if (!config)
        return;
    free(config->limits);
    free(config->ranges);
    free(config->macs);
    free(config);
}

static uint16_t by_address(const struct rs_shape_config *c, const uint8_t *address)
{
    uint32_t low = 0, high = c->range_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (memcmp(c->ranges[middle].first, address, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && memcmp(address, c->ranges[low - 1].last, 16) <= 0 ? (uint16_t)(c->ranges[low - 1].limit + 1) : 0;
}

static uint16_t by_mac(const struct rs_shape_config *c, const uint8_t *bytes)
{
    uint32_t low = 0, high = c->mac_count;
    uint64_t mac = rs_mac_number(bytes);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (c->macs[middle].mac < mac)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->mac_count && c->macs[low].mac == mac ? (uint16_t)(c->macs[low].limit + 1) : 0;
}

uint16_t rs_shape_limit_of(const struct rs_shape_config *config, const rs_identity *host)
{
    uint16_t found[3] = {by_address(config, host->address), by_address(config, host->alias), by_mac(config, host->mac)};
    uint16_t least = 0;

    for (int i = 0; i < 3; i++)
        if (found[i] && (!least || found[i] < least))
            least = found[i];
    return least ? least : config->default_limit;
}

int rs_shape_is_same_tree(const struct rs_shape_config *a, const struct rs_shape_config *b)
{
    if (strcmp(a->down, b->down) != 0 || a->lan_count != b->lan_count ||
        memcmp(a->lans, b->lans, sizeof a->lans) != 0 || a->group_count != b->group_count ||
        !a->first_percent != !b->first_percent)
        return 0;
    for (uint32_t g = 0; g < a->group_count; g++)
        if (strcmp(a->groups[g].name, b->groups[g].name) != 0)
            return 0;
    for (uint32_t l = 1; l < RS_SHAPE_LINES; l++)
        if (strcmp(a->lines[l].device, b->lines[l].device) != 0)
            return 0;
    return 1;
}
