/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration of the shaper that is accepted must be safe to ask. */
#include <stdlib.h>

#include "fuzz.h"
#include "shape.h"

static void shape_run(const uint8_t *data, size_t length)
{
    struct rs_shape_config *config;
    char error[RS_ERROR_SIZE];
    rs_identity host = {.address = {[10] = 0xff, 0xff, 192, 0, 2, 7}, .mac = {2, 0, 0, 0, 0, 1}};

    if (rs_shape_parse((const char *)data, length, &config, error) < 0)
        return;
    CHECK(rs_shape_limit_of(config, &host) <= config->limit_count);
    CHECK(rs_shape_is_same_tree(config, config));
    rs_shape_free(config);
}

const struct target target_shape = {"shape", shape_run, NULL};
