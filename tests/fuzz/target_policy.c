/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy table that is accepted must be safe to ask. What the loader compares first (magic, version, order,
 * length, checksum) is put right here, so that the fuzzer spends its time behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "fuzz.h"
#include "policy.h"

static void ask(rs_policy *policy)
{
    static const uint8_t addresses[][16] = {
        {[10] = 0xff, 0xff, 192, 0, 2, 7},  {[10] = 0xff, 0xff, 255, 255, 255, 255}, {[10] = 0xff, 0xff},
        {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, {0xff, 0xff, 0xff, [15] = 0xff},
    };
    rs_identity host = {.mac = {2, 0, 0, 0, 0, 1}};
    rs_decision decision;
    uint32_t groups[8];

    for (size_t a = 0; a < sizeof addresses / sizeof *addresses; a++)
        for (uint16_t app = 0; app < 80; app += 13) {
            memcpy(host.address, addresses[a], 16);
            memcpy(host.alias, addresses[(a + 1) % 3], 16);
            rs_policy_decide(policy, 0, &host, app, &decision);
            rs_policy_groups(policy, &host, groups, 8);
            rs_policy_is_local(policy, host.address);
        }
    if (strlen(rs_policy_page_url(policy)) > 1u << 20)
        abort();
}

static void policy_run(const uint8_t *data, size_t length)
{
    char error[RS_ERROR_SIZE];
    struct rs_policy_header *header;
    rs_policy *policy;

    if (length < sizeof *header)
        return;
    header = malloc(length);
    if (!header)
        return;
    memcpy(header, data, length);
    memcpy(header->magic, RS_POLICY_MAGIC, sizeof header->magic);
    header->version = RS_POLICY_VERSION;
    header->order = RS_POLICY_ORDER;
    header->length = (uint32_t)length;
    header->crc = rs_crc32(0, &header->generation, length - offsetof(struct rs_policy_header, generation));
    if (rs_policy_open(header, length, 1, &policy, error) == 0) {
        ask(policy);
        rs_policy_close(policy);
    }
    free(header);
}

const struct target target_policy = {"policy", policy_run, NULL};
