/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One libFuzzer program. `run TARGET [libFuzzer's arguments]` fuzzes one parser, `run list` names them, `run seeds FOLDER` writes
 * first inputs into FOLDER/TARGET. RS_APPS names the compiled application database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static const struct target *const targets[] = {&target_packet,    &target_flow,    &target_link, &target_tls,
                                               &target_quic,      &target_dns,     &target_apps, &target_policy,
                                               &target_conntrack, &target_request, &target_shape};
static const struct target *target;
static const struct rs_row *row;
static rs_apps *apps;

#define TARGETS (sizeof targets / sizeof *targets)

rs_classifier *fuzz_classifier(void)
{
    static rs_classifier *c;

    if (c == NULL)
        c = classifier_make(64, apps);
    classifier_reset(c);
    return c;
}

const rs_apps *fuzz_apps(void)
{
    return apps;
}

uint8_t *fuzz_copy(const uint8_t *data, size_t length)
{
    uint8_t *copy = malloc(length); /* of 0 bytes is fine: nothing of it may be read */

    CHECK(copy != NULL);
    if (length > 0)
        memcpy(copy, data, length);
    return copy;
}

void fuzz_check_host(const char *host)
{
    CHECK(memchr(host, 0, RS_HOST_SIZE) != NULL);
    for (const unsigned char *p = (const unsigned char *)host; *p != 0; p++)
        CHECK(*p > ' ' && *p != 0x7f && *p != '<' && *p != '>' && *p != '&');
}

int fuzz_packet(rs_classifier *c, const uint8_t *data, size_t length, uint32_t now_s, rs_result *result)
{
    rs_packet packet = {.length = (uint32_t)length, .now_ms = (uint64_t)now_s * 1000};
    uint8_t *copy = fuzz_copy(data, length);
    int rc;

    packet.data = copy;
    rc = rs_classifier_packet(c, &packet, result);
    if (rc == 0) {
        CHECK(result->payload_offset <= length && result->payload_length <= length - result->payload_offset);
        CHECK(result->state <= RS_EXCLUDED && result->stage <= RS_STAGE_NDPI);
        CHECK(result->flow < rs_classifier_capacity(c));
        CHECK(result->application <= rs_apps_count(apps) && result->protocol <= rs_apps_count(apps));
        fuzz_check_host(result->host);
    }
    free(copy);
    return rc;
}

static void list(void)
{
    for (size_t i = 0; i < TARGETS; i++)
        puts(targets[i]->name);
    for (uint32_t i = 0; i < rs_rows_count; i++)
        puts(rs_rows[i].name);
}

/* ---- seeds ---- */

static char folder[512];
static uint32_t seeds;

void seed_write(const void *data, size_t length)
{
    char path[600];
    FILE *file;

    snprintf(path, sizeof path, "%s/seed-%03u", folder, seeds++);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, length, file) == length && fclose(file) == 0);
}

static void enter(const char *base, const char *name)
{
    snprintf(folder, sizeof folder, "%s/%s", base, name);
    mkdir(folder, 0755);
    seeds = 0;
}

static void write_seeds(const char *base)
{
    for (size_t i = 0; i < TARGETS; i++) {
        enter(base, targets[i]->name);
        if (targets[i]->seed != NULL)
            targets[i]->seed();
    }
    for (uint32_t i = 0; i < rs_rows_count; i++) {
        enter(base, rs_rows[i].name);
        row_seed(&rs_rows[i]);
    }
}

/* ---- what libFuzzer calls ---- */

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    const char *name = *count > 1 ? (*arguments)[1] : "";

    if (strcmp(name, "list") == 0) {
        list();
        exit(0);
    }
    if (strcmp(name, "seeds") == 0 && *count > 2) {
        write_seeds((*arguments)[2]);
        exit(0);
    }
    for (size_t i = 0; i < TARGETS; i++)
        if (strcmp(targets[i]->name, name) == 0)
            target = targets[i];
    row = row_find(name);
    if (target == NULL && row == NULL) {
        fprintf(stderr, "usage: run TARGET [libFuzzer's arguments] | list | seeds FOLDER\n");
        exit(2);
    }
    apps = apps_load();
    memmove(&(*arguments)[1], &(*arguments)[2], (size_t)(*count - 1) * sizeof **arguments);
    --*count;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    if (target != NULL)
        target->run(data, length);
    else
        row_run(row, data, length);
    return 0;
}
