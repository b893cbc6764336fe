/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each class shall be (tc-htb(8)): rate is what is guaranteed, ceil what may be had. */

#include "shaper.h"

#define LEAST_BPS       UINT64_C(8000) /* HTB wants a rate; who is guaranteed nothing lives on what is left over */
#define OTHERS_PERCENT  1u
#define PRIORITY_OTHERS 4u
#define QUANTUM_MIN     1514u
#define QUANTUM_MAX     60000u

static uint32_t quantum_of(uint64_t line_bps)
{
    uint64_t of_a_millisecond = line_bps / 8000;

    return of_a_millisecond < QUANTUM_MIN   ? QUANTUM_MIN
           : of_a_millisecond > QUANTUM_MAX ? QUANTUM_MAX
                                            : (uint32_t)of_a_millisecond;
}

struct rs_class rs_shaper_line_class(const struct rs_shape_config *c, uint32_t line, int direction, uint32_t slot)
{
    uint64_t rate = c->lines[line].rate[direction];
    struct rs_class class = {.id = line << 12 | slot, .rate = rate, .ceil = rate, .quantum = quantum_of(rate)};

    if (slot == RS_SLOT_FIRST) {
        class.rate = rate * RS_SHAPE_FIRST_PERCENT / 100;
        class.ceil = rate * (c->first_percent ? c->first_percent : 90) / 100;
    } else if (slot == RS_SLOT_OTHERS) {
        class.rate = rate * OTHERS_PERCENT / 100;
        class.priority = PRIORITY_OTHERS;
    }
    if (slot != RS_SLOT_LINE) {
        class.parent = line << 12;
        class.is_leaf = 1;
    }
    if (class.rate < LEAST_BPS)
        class.rate = LEAST_BPS;
    return class;
}

/* Whether maximums hold that are not always in force. */
static int holds(const struct rs_shaper *s, const struct rs_carried *carried)
{
    return !s->config->is_smart || carried->congestion.is_congested;
}

static void lower(uint64_t *rate, uint64_t most) /* most 0: none given */
{
    if (most && *rate > most)
        *rate = most;
}

/* What a group takes of the line's guarantees: its own, or its hosts' where those are more, but not above its maximum. */
uint64_t rs_shaper_group_minimum(const struct rs_shape_config *c, int direction, uint32_t group,
                                 const struct rs_carried *carried)
{
    const struct rs_rates *rates = &c->groups[group].rates[direction];
    uint64_t wanted = carried->groups[group].wanted;

    if (rates->max && wanted > rates->max)
        wanted = rates->max;
    return wanted > rates->min ? wanted : rates->min;
}

struct rs_class rs_shaper_group_class(const struct rs_shaper *s, uint32_t line, int direction, uint32_t group)
{
    const struct rs_rates *rates = &s->config->groups[group].rates[direction];
    const struct rs_carried *carried = &s->carried[line][direction];
    struct rs_class class = rs_shaper_line_class(s->config, line, direction, RS_SLOT_LINE);
    uint64_t scaled = rs_shaper_group_minimum(s->config, direction, group, carried) * carried->scale / 1024;

    class.id = line << 12 | (RS_SLOT_GROUP + group);
    class.parent = line << 12;
    if (s->config->groups[group].is_always || holds(s, carried))
        lower(&class.ceil, rates->max);
    class.rate = scaled > LEAST_BPS ? scaled : LEAST_BPS;
    lower(&class.rate, class.ceil);
    return class;
}

struct rs_class rs_shaper_host_class(const struct rs_shaper *s, uint32_t slot, uint32_t line, int direction)
{
    const struct rs_shape_limit *limit = rs_shaper_limit_of(s, &s->hosts.hosts[slot]);
    const struct rs_carried *carried = &s->carried[line][direction];
    struct rs_class class = rs_shaper_line_class(s->config, line, direction, RS_SLOT_OTHERS);
    uint64_t guaranteed;

    class.id = line << 12 | slot;
    class.rate = LEAST_BPS;
    if (!limit)
        return class;
    class.priority = limit->priority;
    guaranteed = limit->rates[direction].min * carried->scale / 1024;
    if (limit->group) {
        const struct rs_rates *shared = &s->config->groups[limit->group - 1].rates[direction];
        uint64_t wanted = carried->groups[limit->group - 1].wanted;

        class.parent = line << 12 | (RS_SLOT_GROUP + limit->group - 1u);
        if (shared->max && wanted > shared->max) /* HTB would give each what it is guaranteed, whatever they share */
            guaranteed = guaranteed * (shared->max / 1024) / (wanted / 1024 + 1);
    }
    if (limit->is_always || holds(s, carried))
        lower(&class.ceil, limit->rates[direction].max);
    class.rate = guaranteed > LEAST_BPS ? guaranteed : LEAST_BPS;
    lower(&class.rate, class.ceil);
    return class;
}
