/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint8_t *guard_copy(const void *data, uint32_t length)
{
    static uint8_t *end;

    if (end == NULL) {
        long page = sysconf(_SC_PAGESIZE);
        uint8_t *memory = mmap(NULL, GUARD_BYTES + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED || mprotect(memory + GUARD_BYTES, (size_t)page, PROT_NONE) < 0 || length > GUARD_BYTES)
            abort();
        end = memory + GUARD_BYTES;
    }
    if (length > 0)
        memmove(end - length, data, length);
    return end - length;
}

rs_classifier *classifier_make(uint32_t flows, const rs_apps *apps)
{
    size_t size = rs_classifier_size(flows);
    void *memory = aligned_alloc(64, size);
    rs_classifier *c;

    if (memory == NULL)
        abort();
    memset(memory, 0, size);
    if (rs_classifier_init(memory, size, flows, 7, &c) < 0)
        abort();
    rs_classifier_use_ja4(c, 1);
    if (apps != NULL)
        rs_classifier_set_apps(c, apps);
    return c;
}

void classifier_reset(rs_classifier *c)
{
    struct rs_learned head = *c->own_learned;

    memset((uint8_t *)c + c->index_at, 0, c->end - c->index_at);
    *c->own_learned = head;
    c->own_learned->evicted = 0;
    c->pool.clock = 0;
    c->pool.evicted = 0;
    memset(&c->stats, 0, sizeof c->stats);
}

void classifier_free(rs_classifier *c)
{
    rs_classifier_close(c);
    free(c);
}

rs_apps *apps_load(void)
{
    const char *path = getenv("RS_APPS");
    FILE *file = fopen(path ? path : "build/apps.bin", "rb");
    static uint64_t data[1 << 19]; /* lives as long as the database */
    char error[RS_ERROR_SIZE] = "cannot be read";
    size_t length = file ? fread(data, 1, sizeof data, file) : 0;
    rs_apps *apps;

    if (file)
        fclose(file);
    if (length == 0 || rs_apps_open(data, length, &apps, error) < 0) {
        fprintf(stderr, "RS_APPS: %s\n", error);
        exit(2);
    }
    return apps;
}

const struct rs_row *row_find(const char *name)
{
    for (uint32_t i = 0; i < rs_rows_count; i++)
        if (strcmp(rs_rows[i].name, name) == 0)
            return &rs_rows[i];
    return NULL;
}

void asking_begin(struct asking *a, rs_classifier *c, const struct rs_row *row, uint16_t client_port, uint16_t port)
{
    static const uint8_t client[16] = {[10] = 0xff, 0xff, 192, 0, 2, 10}, server[16] = {[10] = 0xff, 0xff, 198, 51, 100, 10};
    struct rs_flow *flow = &c->table.flows[0], old;

    memset(a, 0, sizeof *a);
    a->row = row;
    rs_flow_clear(flow, &old);
    a->d = (struct rs_dissect){
        .client = client,
        .server = server,
        .client_port = client_port,
        .server_port = port,
        .transport = (row->flags & RS_ROW_TCP) != 0 ? RS_TCP : RS_UDP,
        .from_client = 1,
        .now_s = 1000, /* since the router was started: nobody tells it what time it is */
        .classifier = c,
        .flow = flow,
    };
}

enum rs_state asking_next(struct asking *a, const uint8_t *data, uint32_t length)
{
    enum rs_state state;

    if (length < a->row->least)
        return RS_EXCLUDED;
    a->d.data = data;
    a->d.length = length;
    a->d.notes = &a->notes;
    a->d.protocol = a->d.application = RS_P_UNKNOWN;
    a->d.host[0] = 0;
    state = a->row->ask(&a->d);
    if (a->d.index < UINT8_MAX)
        a->d.index++;
    return state;
}
