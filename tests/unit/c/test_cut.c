/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every dissector against captures cut short: each capture of tests/captures is played again with its packets cut to every
 * length, the last readable byte just before an unreadable page. Nothing may be read behind it. Whole, flows are decided.
 */
#include <assert.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "bytes.h"
#include "link.h"

#define CAPTURES  "../tests/captures/cases/*/capture.pcap"
#define FLOWS     256u
#define PAGE      4096u
#define ROOM      (4 * PAGE)
#define EVERY     256u /* up to here each length, then in steps */
#define STEP      23u
#define WHOLE     1700u
#define HEADER    24u
#define RECORD    16u
#define ETHERNET  1
#define MIN_FILES 20u
#define MIN_FLOWS 100u

struct file {
    uint8_t *data;
    size_t size;
};

static struct file map(const char *path)
{
    struct stat st;
    struct file f;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
    f.size = (size_t)st.st_size;
    f.data = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert(f.data != MAP_FAILED);
    close(fd);
    return f;
}

/* Plays a capture with packets of at most `limit` bytes; how many flows were decided. */
static uint32_t play(struct rs_classifier *c, const struct file *f, uint8_t *end, uint32_t limit)
{
    uint8_t is_decided[FLOWS] = {0};
    uint32_t count = 0;

    for (size_t at = HEADER; at + RECORD <= f->size;) {
        uint32_t length = rs_le32(f->data + at + 8);
        const uint8_t *frame = f->data + at + RECORD, *ip;
        rs_packet packet = {.now_ms = (uint64_t)rs_le32(f->data + at) * 1000};
        rs_result result;

        assert(length <= f->size - at - RECORD);
        at += RECORD + length;
        ip = rs_link_find_ip(ETHERNET, frame, &length);
        if (ip == NULL)
            continue;
        packet.length = length < limit ? length : limit;
        packet.data = memcpy(end - packet.length, ip, packet.length);
        if (rs_classifier_packet(c, &packet, &result) != 0)
            continue;
        assert(result.flow < FLOWS && result.payload_offset + result.payload_length <= packet.length);
        count += result.state == RS_DECIDED && !is_decided[result.flow];
        is_decided[result.flow] |= result.state == RS_DECIDED;
    }
    return count;
}

int main(void)
{
    struct file apps_file = map(getenv("RS_APPS"));
    char error[RS_ERROR_SIZE];
    size_t size = rs_classifier_size(FLOWS);
    void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
    uint8_t *area = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    rs_apps *apps;
    glob_t found;
    uint32_t decided = 0;

    assert(memory != NULL && area != MAP_FAILED && mprotect(area + ROOM, PAGE, PROT_NONE) == 0);
    assert(rs_apps_open(apps_file.data, apps_file.size, &apps, error) == 0);
    assert(glob(CAPTURES, 0, NULL, &found) == 0 && found.gl_pathc >= MIN_FILES);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct file f = map(found.gl_pathv[i]);

        for (uint32_t limit = 1; limit <= WHOLE; limit += limit < EVERY ? 1 : STEP) {
            rs_classifier *c;
            uint32_t flows;

            memset(memory, 0, size);
            assert(rs_classifier_init(memory, size, FLOWS, limit, &c) == 0);
            rs_classifier_set_apps(c, apps);
            flows = play(c, &f, area + ROOM, limit);
            decided += limit + STEP > WHOLE ? flows : 0;
            rs_classifier_close(c);
        }
        munmap(f.data, f.size);
    }
    printf("%zu captures at %u lengths, %u flows decided when whole\n", found.gl_pathc, EVERY + (WHOLE - EVERY) / STEP,
           decided);
    assert(decided >= MIN_FLOWS);
    globfree(&found);
    rs_apps_close(apps);
    free(memory);
    return 0;
}
