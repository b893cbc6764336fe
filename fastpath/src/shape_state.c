/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shaper's state as JSON, for the page. */

#include <inttypes.h>
#include <string.h>

#include "shaper.h"

static void write_direction(const struct rs_shaper *s, FILE *out, uint32_t line, int d)
{
    const struct rs_carried *c = &s->carried[line][d];

    fprintf(out,
            "\"%s\":{\"shaped\":%s,\"rate_bps\":%" PRIu64 ",\"used_bps\":%" PRIu64
            ",\"congested\":%s,\"scale_percent\":%u,\"active\":%u,\"contenders\":%u}",
            d == RS_UP ? "up" : "down", rs_shaper_is_whole(s, rs_shaper_tree_of(line, d)) ? "true" : "false",
            s->config->lines[line].rate[d], c->used_bps, c->congestion.is_congested ? "true" : "false",
            c->scale * 100 / 1024, c->active, c->load.contenders);
}

static void write_host(const struct rs_shaper *s, FILE *out, uint32_t slot, uint32_t line)
{
    const struct rs_share *shares = s->hosts.shares[line][slot];
    const uint8_t *a = s->hosts.hosts[slot].address;

    fprintf(out, "{\"line\":%u,\"address\":\"", line);
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", a[i]);
    fprintf(out, "\",\"limit\":\"%s\"",
            rs_shaper_limit_of(s, &s->hosts.hosts[slot]) ? rs_shaper_limit_of(s, &s->hosts.hosts[slot])->name : "");
    for (int d = 0; d < 2; d++)
        fprintf(out, ",\"%s\":{\"used_bps\":%" PRIu64 ",\"min_bps\":%" PRIu64 ",\"max_bps\":%" PRIu64 "}",
                d == RS_UP ? "up" : "down", shares[d].used_bps, shares[d].set_rate, shares[d].set_ceil);
    fputc('}', out);
}

void rs_shaper_write(const struct rs_shaper *s, FILE *out)
{
    const char *comma = "";

    fprintf(out, "{\"hosts\":%u,\"refused\":%u,\"errors\":%u,\"error\":\"%s\",\"queue\":\"%s\",\"lines\":{",
            s->hosts.count, s->hosts.refused, s->errors, s->last_error ? strerror(s->last_error) : "",
            s->tc.has_fq_codel ? "fq_codel" : "pfifo");
    for (uint32_t line = 1; s->config && line < RS_SHAPE_LINES; line++) {
        if (!rs_shape_has_line(s->config, line))
            continue;
        fprintf(out, "%s\"%u\":{\"plantings\":%u,", comma, line, s->trees[line].plantings);
        write_direction(s, out, line, RS_UP);
        fputc(',', out);
        write_direction(s, out, line, RS_DOWN);
        fputc('}', out);
        comma = ",";
    }
    fputs("},\"shares\":[", out);
    comma = "";
    for (uint32_t line = 1; s->config && line < RS_SHAPE_LINES; line++)
        for (uint32_t slot = 1; slot <= s->hosts.highest; slot++)
            if (s->hosts.hosts[slot].lines >> line & 1 &&
                (s->hosts.shares[line][slot][RS_UP].idle_ticks <= RS_SHAPER_ACTIVE_TICKS ||
                 s->hosts.shares[line][slot][RS_DOWN].idle_ticks <= RS_SHAPER_ACTIVE_TICKS)) {
                fputs(comma, out);
                write_host(s, out, slot, line);
                comma = ",";
            }
    fputs("]}\n", out);
}
