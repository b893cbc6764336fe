/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of hosts: neighbours do not take each other's place. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm.h"

static uint32_t evicted(const char *path, uint32_t hosts, int is_v6)
{
    char error[RS_ERROR_SIZE];
    uint8_t address[16] = {0};
    uint32_t result;
    rs_shm *shm;

    assert(rs_shm_open(path, 1, 1024, &shm, error) == 0);
    memcpy(address, is_v6 ? "\x20\x01\x0d\xb8\0\1\0\2\0\0\0\0" : "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    for (uint32_t n = 0; n < hosts; n++) {
        address[12] = is_v6 ? 0x7a : 192;
        address[13] = is_v6 ? (uint8_t)(n * 77) : 168;
        address[14] = (uint8_t)(n >> 8);
        address[15] = (uint8_t)n;
        assert(rs_host_see(shm, address, NULL, 1000 + n));
    }
    result = (uint32_t)shm->header->hosts_evicted;
    assert(shm->header->hosts == hosts - result);
    rs_shm_close(shm);
    unlink(path);
    return result;
}

int main(void)
{
    char folder[] = "/tmp/rs-hosts-XXXXXX", path[64];

    assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fastpath.shm", folder);
    assert(evicted(path, 254, 0) == 0);   /* a network as everybody has it */
    assert(evicted(path, 10000, 0) == 0); /* of 16,384 places */
    assert(evicted(path, 10000, 1) == 0);
    rmdir(folder);
    return 0;
}
