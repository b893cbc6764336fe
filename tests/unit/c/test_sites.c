/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which names are one site. Telling the kernel is tested by tests/kernel/test_lines_daemon.py. */
#include <assert.h>
#include <string.h>

#include "sites.h"

static uint32_t number(const char *name)
{
    return rs_site_number(name, (uint32_t)strlen(name));
}

static void test_a_site_is_what_somebody_registered(void)
{
    assert(number("example.com") && number("example.com") == number("www.example.com"));
    assert(number("a.b.c.example.com") == number("example.com"));
    assert(number("example.com") != number("example.org") && number("example.com") != number("xample.com"));
    assert(number("www.icbc.com.cn") == number("mybank.icbc.com.cn"));
    assert(number("icbc.com.cn") != number("abchina.com.cn"));
    assert(number("com.cn") && number("com.cn") != number("icbc.com.cn")); /* nobody's, but a name with two labels */
    assert(number("www.example.cn") == number("example.cn"));
    assert(number("com.example.cn") == number("example.cn")); /* only the last but one counts */
}

static void test_what_is_no_name_has_no_site(void)
{
    assert(number("") == 0 && number("localhost") == 0 && number(".") == 0 && number("com.") == 0);
    assert(number(".com") && number("..com") && number("...")  == 0); /* rubbish is read within its bounds */
}

static void test_only_so_many_addresses_are_taken(void)
{
    static struct rs_sites sites = {.fd = -1};
    uint8_t address[4] = {192, 0, 2, 1};

    rs_sites_begin(&sites, "localhost", 9);
    rs_sites_add(&sites, address);
    assert(sites.count == 0);
    rs_sites_begin(&sites, "example.com", 11);
    for (uint32_t i = 0; i < 2 * RS_SITES_MAX; i++)
        rs_sites_add(&sites, address);
    assert(sites.count == RS_SITES_MAX);
}

int main(void)
{
    test_a_site_is_what_somebody_registered();
    test_what_is_no_name_has_no_site();
    test_only_so_many_addresses_are_taken();
    return 0;
}
