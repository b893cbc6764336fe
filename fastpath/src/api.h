/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public header for C: it has no include guard of its own, because cffi reads it too. */
#ifndef RS_API_H
#define RS_API_H

#include <stddef.h>
#include <stdint.h>

#include "../include/rs_fastpath.h"

#endif
