/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When maximums hold, and what of the guarantees can be given.
 *
 * A line is congested when it is full and at least two hosts want more than they are guaranteed: one alone on a line takes
 * it whole, whatever others of little need do beside it. Once maximums hold the line may be far from full, so what ends
 * them is not its load but that fewer than two contend: without this, two hosts at their maximums would free and bind
 * each other for ever.
 */

#include "shape.h"

#define TICKS_ON    2u /* half a second */
#define TICKS_OFF   2u
#define SCALE_WHOLE 1024u

int rs_shape_congested(struct rs_congestion *state, const struct rs_load *load, uint32_t full_percent)
{
    int is_full = load->used_bps * 100 >= load->rate_bps * full_percent || (load->is_slow && load->used_bps > 0);
    int is_other =
        state->is_congested ? load->contenders < 2 || (!load->at_max && !is_full) : is_full && load->contenders >= 2;

    state->ticks = is_other ? (uint8_t)(state->ticks + 1) : 0;
    if (state->ticks >= (state->is_congested ? TICKS_OFF : TICKS_ON)) {
        state->is_congested = !state->is_congested;
        state->ticks = 0;
    }
    return state->is_congested;
}

uint32_t rs_shape_scale(uint64_t rate_bps, uint32_t first_percent, uint64_t wanted)
{
    uint64_t room = rate_bps - rate_bps * (first_percent ? RS_SHAPE_FIRST_PERCENT : 0) / 100 - rate_bps / 50;

    return wanted <= room ? SCALE_WHOLE : (uint32_t)(room * SCALE_WHOLE / wanted);
}
