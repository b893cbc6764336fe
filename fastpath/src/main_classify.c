/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rs-classify: runs the classifier on a capture file and prints one JSON object per flow, one a line.
 *
 *   rs-classify APPS_BIN CAPTURE [--no-ndpi]
 *
 * Exit status: 0; 1 the capture cannot be read or ends in the middle (what was read is printed first); 2 wrong usage or
 * no database.
 */

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "capture_flows.h"
#include "link.h"

#define TABLE_FLOWS 65536u

struct work {
    pcap_t *pcap;
    int link_type;
    struct rs_apps *apps;
    struct rs_classifier *classifier;
    struct rs_capture_flows flows;
};

static int map_apps(const char *path, struct rs_apps **out)
{
    char error[RS_ERROR_SIZE] = "";
    struct stat st;
    void *data;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
        fprintf(stderr, "rs-classify: %s: %s\n", path, strerror(errno));
        return -1;
    }
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED)
        return -1;
    rc = rs_apps_open(data, (size_t)st.st_size, out, error);
    if (rc < 0)
        fprintf(stderr, "rs-classify: %s: %s\n", path, rc == -ENOMEM ? "out of memory" : error);
    return rc;
}

static void take(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    struct work *w = (struct work *)(void *)user;
    rs_packet packet = {0};
    rs_result result;
    uint32_t length = header->caplen;
    const uint8_t *ip = rs_link_find_ip(w->link_type, bytes, &length);

    if (ip == NULL)
        return;
    packet.data = ip;
    packet.length = length;
    packet.now_ms = (uint64_t)header->ts.tv_sec * 1000 + (uint64_t)header->ts.tv_usec / 1000;
    if (rs_classifier_packet(w->classifier, &packet, &result) == 0)
        rs_capture_flows_add(&w->flows, &result);
}

static int run(struct work *w, const char *path)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    FILE *file;
    int rc;

    file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "rs-classify: %s: %s\n", path, strerror(errno));
        return 1;
    }
    w->pcap = pcap_fopen_offline(file, error);
    if (w->pcap == NULL) {
        fprintf(stderr, "rs-classify: %s: not a capture: %s\n", path, error);
        fclose(file);
        return 1;
    }
    w->link_type = pcap_datalink(w->pcap);
    if (!rs_link_is_known(w->link_type)) {
        const char *name = pcap_datalink_val_to_name(w->link_type);

        fprintf(stderr, "rs-classify: %s: link type %d (%s) is not supported\n", path, w->link_type,
                name == NULL ? "unknown" : name);
        pcap_close(w->pcap);
        return 1;
    }
    rc = pcap_loop(w->pcap, -1, take, (u_char *)w);
    if (rc < 0)
        fprintf(stderr, "rs-classify: %s: breaks off: %s\n", path, pcap_geterr(w->pcap));
    pcap_close(w->pcap);
    rs_capture_flows_print(&w->flows, w->apps, stdout);
    return rc < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct work w = {0};
    int ndpi = argc == 3, rc;
    size_t size = rs_classifier_size(TABLE_FLOWS);
    void *memory;

    if (argc < 3 || argc > 4 || (argc == 4 && strcmp(argv[3], "--no-ndpi") != 0)) {
        fprintf(stderr, "usage: rs-classify APPS_BIN CAPTURE [--no-ndpi]\n");
        return 2;
    }
    if (map_apps(argv[1], &w.apps) < 0)
        return 2;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || rs_classifier_init(memory, size, TABLE_FLOWS, 1, &w.classifier) < 0) {
        fprintf(stderr, "rs-classify: out of memory\n");
        return 2;
    }
    rs_classifier_set_apps(w.classifier, w.apps);
    rs_classifier_use_ja4(w.classifier, 1);
    rc = ndpi ? rs_classifier_use_ndpi(w.classifier, 1) : 0;
    if (rc < 0 && rc != -ENOTSUP)
        fprintf(stderr, "rs-classify: libndpi: %s\n", strerror(-rc));
    rc = run(&w, argv[2]);
    rs_capture_flows_free(&w.flows);
    rs_classifier_close(w.classifier);
    rs_apps_close(w.apps);
    munmap(memory, size);
    return rc;
}
