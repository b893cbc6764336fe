/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy table: loads a table given by binding/policy.py and answers questions, one per line of standard input
 * ("address alias mac app"); then refuses every truncation and survives every damaged byte with a mended checksum.
 * tests/unit/test_fastpath_policy.py runs it, compares the answers with the rules read naively, and wants exit 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../fastpath/src/crc32.h"
#include "../../../fastpath/src/policy.h"

static void parse_address(const char *text, uint8_t out[16])
{
    memset(out, 0, 16);
    if (strchr(text, ':')) {
        inet_pton(AF_INET6, text, out);
    } else if (strcmp(text, "-") != 0) {
        out[10] = out[11] = 0xff;
        inet_pton(AF_INET, text, out + 12);
    }
}

static void parse_mac(const char *text, uint8_t out[6])
{
    unsigned b[6] = {0};

    sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]);
    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)b[i];
}

static void answer(rs_policy *policy)
{
    char address[64], alias[64], mac[32];
    unsigned app;

    while (scanf("%63s %63s %31s %u", address, alias, mac, &app) == 4) {
        rs_identity host;
        rs_decision decision;
        uint32_t groups[8], found;

        parse_address(address, host.address);
        parse_address(alias, host.alias);
        parse_mac(mac, host.mac);
        rs_policy_decide(policy, 1, &host, (uint16_t)app, &decision);
        found = rs_policy_groups(policy, &host, groups, 8);
        printf("%d %d %d %d", decision.row, decision.action, decision.is_certain,
               rs_policy_is_local(policy, host.address));
        for (uint32_t i = 0; i < found && i < 8; i++)
            printf(" %u", groups[i]);
        printf("\n");
    }
}

/* A table that was accepted must be safe to ask, whatever it says. */
static void ask_all(rs_policy *policy)
{
    static const char *addresses[] = {"0.0.0.0", "255.255.255.255", "192.0.2.7", "::1", "ffff::", "2001:db8::5"};
    rs_decision decision;
    rs_identity host = {.mac = {2, 0, 0, 0, 0, 1}};
    uint32_t groups[4];

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        parse_address(addresses[i], host.address);
        for (uint16_t app = 0; app < 12; app++)
            rs_policy_decide(policy, 0, &host, app, &decision);
        rs_policy_groups(policy, &host, groups, 4);
        rs_policy_is_local(policy, host.address);
    }
}

static int damage(const uint8_t *data, size_t length)
{
    char error[RS_ERROR_SIZE];
    rs_policy *policy;

    for (size_t cut = 0; cut < length; cut++) { /* exact allocation: one byte too far is caught by ASan */
        uint8_t *copy = malloc(cut ? cut : 1);

        memcpy(copy, data, cut);
        if (rs_policy_open(copy, cut, 1, &policy, error) != -EINVAL) {
            fprintf(stderr, "cut at %zu was accepted\n", cut);
            return 1;
        }
        free(copy);
    }
    for (size_t at = 0; at < length; at++)
        for (int bit = 0; bit < 8; bit++) {
            uint8_t *copy = malloc(length);
            struct rs_policy_header *header = (struct rs_policy_header *)copy;

            memcpy(copy, data, length);
            copy[at] ^= (uint8_t)(1u << bit);
            if (rs_policy_open(copy, length, 1, &policy, error) != -EINVAL) {
                fprintf(stderr, "bit %d of byte %zu flipped: accepted\n", bit, at);
                return 1;
            }
            header->crc = rs_crc32(0, &header->generation, length - offsetof(struct rs_policy_header, generation));
            if (rs_policy_open(copy, length, 1, &policy, error) == 0) {
                ask_all(policy);
                rs_policy_close(policy);
            }
            free(copy);
        }
    return 0;
}

int main(int argc, char **argv)
{
    char error[RS_ERROR_SIZE];
    rs_policy *policy;
    uint8_t *data;
    size_t length;
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    int result;

    if (!file)
        return 2;
    fseek(file, 0, SEEK_END);
    length = (size_t)ftell(file);
    rewind(file);
    data = malloc(length ? length : 1);
    if (!data || fread(data, 1, length, file) != length)
        return 2;
    fclose(file);
    if (rs_policy_open(data, length, 2, &policy, error) < 0) {
        fprintf(stderr, "%s\n", error);
        return 3;
    }
    answer(policy);
    rs_policy_close(policy);
    result = argc > 2 ? damage(data, length) : 0;
    free(data);
    return result;
}
